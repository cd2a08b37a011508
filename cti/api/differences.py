"""``/v1/backends/differences``: how the answers of the new way of a migration differ from those of the usual one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import PAGED, iso, known_only, page_of
from cti.api.problems import Problem
from cti.core.access import Permission

if TYPE_CHECKING:
    import falcon

    from cti.boss.server import InterfaceServer
    from cti.boss.shadow_counts import Compared, Difference

NAME_MAX, REASON_MAX = 80, 200


class Differences:
    """``GET``: what was compared of each look-up that is shadowed. Counts and names, no data."""

    def __init__(self, office: InterfaceServer) -> None:
        self._office = office

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        known = self._office.asking.shadows.report(self._office.plan)
        found, following = page_of(req, known.items(), lambda one: one[0])
        resp.media = {"items": [compared_json(name, one) for name, one in found], "next": following}

    on_head = on_get


class DifferencesOf:
    """``GET``: samples of a look-up's differences, the newest first, masked when they were kept. There is no clear text
    to be had of them."""

    def __init__(self, office: InterfaceServer) -> None:
        self._office = office

    def on_get(self, req: falcon.Request, resp: falcon.Response, lookup: str) -> None:
        known_only(req, PAGED)
        compared = self._office.asking.shadows.report(self._office.plan).get(lookup)
        if compared is None:
            raise Problem("unknown-lookup", f"nothing is compared of {lookup[:NAME_MAX]!r}")
        found, following = page_of(req, compared.samples, lambda one: f"{one.number:012d}", newest_first=True)
        resp.media = {"items": [difference_json(one) for one in found], "next": following}

    on_head = on_get


class DifferencesCleared:
    """``POST``: begin to count anew, of one look-up or, without ``lookup``, of all. Audited, before it is done."""

    def __init__(self, office: InterfaceServer) -> None:
        self._office = office
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ())
        body, access = json_body(req), access_of(req)
        only(body, "lookup", "reason")
        name = text_field(body, "lookup", limit=NAME_MAX) if body.get("lookup") is not None else None
        reason = text_field(body, "reason", limit=REASON_MAX).strip()
        if not reason:
            raise Problem("bad-request", f"reason is a text of 1 to {REASON_MAX} characters; it is kept in the audit")
        shadows = self._office.asking.shadows
        known = shadows.report(self._office.plan)
        if name is not None and name not in known:
            raise Problem("unknown-lookup", f"nothing is compared of {name!r}")

        def clear() -> dict[str, Any]:
            deed = access.services.accounts.deed(access.principal, Permission.BACKENDS_CONTROL, reason)
            before = {one: known[one].compared for one in sorted(known) if name in (None, one)}
            access.services.store.audit.add(
                deed.line("differences.clear", f"lookup:{name or '*'}", before={"compared": before})
            )
            return {"cleared": shadows.clear(name)}

        resp.media = self._once.do(req, body, clear)


def compared_json(name: str, compared: Compared) -> dict[str, Any]:
    return {
        "lookup": name,
        "since": iso(compared.since),
        "same": compared.same,
        "different": compared.different,
        "fields": dict(sorted(compared.fields.items())),
        "outcomes": [
            {"usual": usual, "new": new, "count": count} for (usual, new), count in sorted(compared.outcomes.items())
        ],
        "failed": dict(sorted(compared.failed.items())),
        "skipped": dict(sorted(compared.skipped.items())),
    }


def difference_json(one: Difference) -> dict[str, Any]:
    return {
        "at": iso(one.at),
        "usual": {"backend": one.usual[0], "outcome": one.usual[1]},
        "new": {"backend": one.new[0], "outcome": one.new[1]},
        "arguments": dict(one.arguments),
        "fields": [{"name": name, "usual": usual, "new": new} for name, (usual, new) in sorted(one.fields.items())],
        "masked": list(one.masked),
    }
