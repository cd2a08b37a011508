"""``/v1/roles``, ``/v1/teams`` and ``/v1/audit``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.paging import PAGED, flag_of, iso, known_only, limit_of, page_of, time_of
from cti.api.problems import Problem
from cti.core.access import Permission, ResourceScope, Role
from cti.core.access.policy import TABLE
from cti.core.people import TITLE_MAX, Team, check_name
from cti.store.audit import AuditFilter

if TYPE_CHECKING:
    import falcon

    from cti.core.access import AuditLine
    from cti.runtime.account_services import AccountServices


class Roles:
    """``GET /v1/roles``: the policy table: role -> permission -> how far it goes (own, scope, any)."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        found, following = page_of(req, Role, str)
        resp.media = {
            "items": [
                {
                    "role": role.value,
                    "permissions": {
                        permission.value: row[role].name.lower() for permission, row in TABLE.items() if row[role]
                    },
                }
                for role in found
            ],
            "next": following,
        }

    on_head = on_get


class Teams:
    """``GET /v1/teams``"""

    def __init__(self, services: AccountServices) -> None:
        self._people = services.store.people

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        what = access_of(req).visible(Permission.TEAMS_READ)
        found = [team for team in self._people.list_teams() if what.shows(ResourceScope.of(team=team.team))]
        some, following = page_of(req, found, lambda team: team.team)
        resp.media = {"items": [{"team": team.team, "title": team.title} for team in some], "next": following}

    on_head = on_get


class TeamResource:
    """``PUT /v1/teams/{team}``: ``{"title": "…"}``; adds the team when there is none."""

    def __init__(self, services: AccountServices) -> None:
        self._people = services.store.people

    def on_put(self, req: falcon.Request, resp: falcon.Response, team: str) -> None:
        body = json_body(req)
        only(body, "title")
        access = access_of(req)
        access.require(Permission.TEAMS_EDIT, ResourceScope.of(team=check_name(team, "team")), f"team:{team}")
        title = text_field(body, "title", limit=TITLE_MAX, default="")
        saved = self._people.save_team(Team(team, title), access.deed(Permission.TEAMS_EDIT))
        resp.media = {"team": saved.team, "title": saved.title}


class AuditResource:
    """``GET /v1/audit?limit=&before=&user=&action=&permission=&target=&allowed=&since=&until=``, the newest first."""

    def __init__(self, services: AccountServices) -> None:
        self._audit = services.store.audit

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        texts = ("user", "action", "permission", "target")
        known_only(req, ("limit", "before", *texts, "allowed", "since", "until"))
        limit = limit_of(req)
        where = AuditFilter(
            **{name: req.get_param(name) for name in texts},
            allowed=flag_of(req, "allowed"),
            since=time_of(req, "since"),
            until=time_of(req, "until"),
        )
        found = self._audit.lines(limit=limit, before=_cursor(req), where=where)
        resp.media = {
            "items": [line_json(line) for line in found],
            "next": str(found[-1].number) if len(found) == limit else None,
        }

    on_head = on_get


def line_json(line: AuditLine) -> dict[str, Any]:
    return {
        "number": line.number,
        "at": iso(line.at),
        "user_id": line.author.user_id,
        "user_name": line.author.name,
        "via": line.author.via,
        "action": line.action,
        "permission": line.permission,
        "target": line.target,
        "allowed": line.allowed,
        "reason": line.reason,
        "before": dict(line.before),
        "after": dict(line.after),
    }


def _cursor(req: falcon.Request) -> int | None:
    text = req.get_param("before")
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,15}", text):
        raise Problem("bad-cursor", f"before={text[:40]!r}")
    return int(text)
