"""``/v1/sessions`` and ``/v1/me``: signing in, going on, signing out, the own account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.once import Once, Whose, idempotency_key
from cti.api.paging import PAGED, by_time, iso, known_only, page_of
from cti.api.problems import Problem
from cti.core.access import Permission, ResourceScope, permissions_of
from cti.core.people import grants_text
from cti.runtime.tokens import TICKET_S

if TYPE_CHECKING:
    from cti.runtime.account_services import AccountServices
    from cti.runtime.sign_in import SignedIn

NAME_MAX, PASSWORD_MAX, TOKEN_MAX = 200, 256, 512
#: So long the tokens of a sign-in are kept, sealed, for the same request sent again.
SIGNED_IN_S = 120.0


def session_json(found: SignedIn) -> dict[str, Any]:
    user = found.user
    return {
        "session_id": found.session_id,
        "token_type": "Bearer",
        "access_token": found.access_token,
        "expires_in": found.expires_in_s,
        "refresh_token": found.refresh_token,
        "refresh_expires_in": found.refresh_expires_in_s,
        "must_change_password": found.limited,
        "user": {"user_id": user.user_id, "name": user.name, "title": user.title, "roles": grants_text(user.grants)},
    }


def never_cached(resp: falcon.Response) -> None:
    resp.set_header("Cache-Control", "no-store")


class Sessions:
    """``POST /v1/sessions``: ``{"name": "anna", "password": "…"}``. The tokens that come are OAuth's in form.

    The password is looked at each time, so an ``Idempotency-Key`` opens nothing by itself; sent again with it within
    two minutes, the request is answered with the same session and the same tokens.
    """

    def __init__(self, services: AccountServices) -> None:
        self._services, self._sign_in = services, services.sign_in
        self._once: Once[SignedIn] = Once(SIGNED_IN_S)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "name", "password")
        name = text_field(body, "name", limit=NAME_MAX)
        password = text_field(body, "password", limit=PASSWORD_MAX)
        user = self._sign_in.prove(name, password)
        # No digest of the password is kept: it is right, so it is the same.
        whose = Whose(user.user_id, self._services)
        found = self._once.do(req, {"name": user.name}, lambda: self._sign_in.begin(user), whose)
        resp.status, resp.location = falcon.HTTP_201, f"/v1/sessions/{found.session_id}"
        never_cached(resp)
        resp.media = session_json(found)


class Refresh:
    """``POST /v1/sessions/refresh``: ``{"refresh_token": "…"}``. Good once; the next comes with the answer.

    A token that is used twice ends its session, unless both requests have the same ``Idempotency-Key`` and are not
    more than two minutes apart: then the second is the first one sent again, and gets the same next token.
    """

    def __init__(self, services: AccountServices) -> None:
        self._sign_in = services.sign_in

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "refresh_token")
        found = self._sign_in.refresh(text_field(body, "refresh_token", limit=TOKEN_MAX), idempotency_key(req))
        never_cached(resp)
        resp.media = session_json(found)


class Session:
    """``DELETE /v1/sessions/{session_id}``: sign out; ``current`` is the session of the token."""

    def __init__(self, services: AccountServices) -> None:
        self._services = services

    def on_delete(self, req: falcon.Request, resp: falcon.Response, session_id: str) -> None:
        access = access_of(req)
        kind, _, own = access.principal.via.partition(":")
        if session_id == "current":
            if kind != "session":
                raise Problem("not-found", "an API key has no session")
            session_id = own
        found = self._services.store.credentials.find_session(session_id)
        owner = found[1].user_id if found else None
        access.require(Permission.OWN_ACCOUNT, ResourceScope.of(owner=owner), f"session:{session_id}")
        if not self._services.sign_in.sign_out(access.principal, session_id):
            raise Problem("not-found", f"session {session_id!r} has ended already")
        resp.status = falcon.HTTP_204


class Me:
    """``GET /v1/me``: who one is, and what one may do somewhere."""

    def __init__(self, services: AccountServices) -> None:
        self._services = services

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ())
        principal = access_of(req).principal
        user = self._services.accounts.get_user(principal.user_id)
        agent = self._services.store.agents.find_of_user(user.user_id)
        resp.media = {
            "user_id": user.user_id,
            "name": user.name,
            "title": user.title,
            "roles": grants_text(user.grants),
            "permissions": [permission.value for permission in permissions_of(principal)],
            "must_change_password": principal.limited,
            "agent_id": None if agent is None else agent.agent_id,
            "team": None if agent is None else agent.team,
        }

    on_head = on_get


class MyPassword:
    """``PUT /v1/me/password``: ``{"current": "…", "new": "…"}``. The user's other sessions end."""

    def __init__(self, services: AccountServices) -> None:
        self._sign_in = services.sign_in

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "current", "new")
        current = text_field(body, "current", limit=PASSWORD_MAX)
        new = text_field(body, "new", limit=PASSWORD_MAX)
        ended = self._sign_in.change_password(access_of(req).principal, current, new)
        resp.media = {"sessions_ended": ended}


class MySessions:
    """``GET /v1/me/sessions``: where one is signed in."""

    def __init__(self, services: AccountServices) -> None:
        self._credentials = services.store.credentials

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        principal = access_of(req).principal
        found, following = page_of(
            req,
            self._credentials.sessions_of(principal.user_id),
            lambda one: by_time(one.created_at, one.session_id),
            newest_first=True,
        )
        resp.media = {
            "items": [
                {
                    "session_id": one.session_id,
                    "created_at": iso(one.created_at),
                    "expires_at": iso(one.expires_at),
                    "current": principal.via == f"session:{one.session_id}",
                }
                for one in found
            ],
            "next": following,
        }

    on_head = on_get


class StreamTicket:
    """``POST /v1/me/stream-ticket``: opens one stream, ``/v1/events?ticket=…``, where no header can be sent.

    With an ``Idempotency-Key`` the same ticket comes again while it is good; it opens one stream all the same.
    """

    def __init__(self, services: AccountServices) -> None:
        self._authentication = services.authentication
        self._once: Once[str] = Once(TICKET_S)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        principal = access_of(req).principal
        # Of another session of the user it would be another ticket, so it is another request.
        ticket = self._once.do(req, {"via": principal.via}, lambda: self._authentication.issue_ticket(principal))
        never_cached(resp)
        resp.status = falcon.HTTP_201
        resp.media = {"ticket": ticket, "expires_in": TICKET_S}
