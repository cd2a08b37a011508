"""``/v1/users``: who may come in, with which roles; their one-time passwords and API keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import PAGED, by_time, iso, known_only, limit_of, page_of, parse_time
from cti.api.problems import Problem
from cti.api.sessions import never_cached
from cti.core.access import Grant, Permission, ResourceScope, ScopeKind
from cti.core.people import TITLE_MAX, UserKind, grants_text

if TYPE_CHECKING:
    from cti.core.people import User
    from cti.runtime.account_services import AccountServices
    from cti.store.api_keys import ApiKey

NAME_MAX, ROLES_MAX = 64, 50


def user_json(user: User) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "name": user.name,
        "title": user.title,
        "kind": user.kind.value,
        "roles": [{"role": grant.role.value, "scope": str(grant.scope)} for grant in user.grants],
        "disabled_at": iso(user.disabled_at),
        "created_at": iso(user.created_at),
        "password_at": iso(user.password_at),
        "one_time_until": iso(user.one_time_until),
    }


def key_json(key: ApiKey) -> dict[str, Any]:
    return {name: iso(value) if name.endswith("_at") else value for name, value in asdict(key).items()}


def grants_field(body: dict[str, Any]) -> list[Grant]:
    """``roles``: ``[{"role": "agent", "scope": "team:north"}, …]``; without ``scope`` everywhere. Raises Problem."""
    items = body.get("roles", [])
    if not isinstance(items, list) or len(items) > ROLES_MAX:
        raise Problem("bad-request", f"roles must be a list of {ROLES_MAX} at most")
    found = []
    for item in items:
        if not isinstance(item, dict):
            raise Problem("bad-request", 'each role is an object, such as {"role": "agent", "scope": "team:north"}')
        only(item, "role", "scope")
        role, scope = text_field(item, "role", limit=80), text_field(item, "scope", limit=80, default="*")
        found.append(Grant.parse(f"{role}@{scope}"))
    return found


class Users:
    """``GET /v1/users?limit=&after=`` by name; ``POST`` adds one and shows a person's one-time password once."""

    def __init__(self, services: AccountServices) -> None:
        self._services = services
        self._once: Once[dict[str, Any]] = Once()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("limit", "after"))
        limit, what = limit_of(req), access_of(req).visible(Permission.USERS_READ)
        after = req.get_param("after")
        if after is not None and len(after) > NAME_MAX:
            raise Problem("bad-request", "after is the `next` of the page before")
        found = self._services.store.people.list_users(limit=limit, after=after, what=what)
        resp.media = {
            "items": [user_json(user) for user in found],
            "next": found[-1].name if len(found) == limit else None,
        }

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "name", "title", "kind", "roles")
        name = text_field(body, "name", limit=NAME_MAX)
        title = text_field(body, "title", limit=TITLE_MAX, default="")
        kind = text_field(body, "kind", limit=16, default=UserKind.PERSON.value)
        if kind not in list(UserKind):
            raise Problem("bad-request", f"kind must be one of {', '.join(UserKind)}")
        grants, access = grants_field(body), access_of(req)
        if grants:
            access.require(Permission.ROLES_GRANT, ResourceScope(), f"user:{name}")
        deed = access.deed(Permission.USERS_EDIT)

        def add() -> dict[str, Any]:
            user, password = self._services.accounts.add_user(name, grants, deed, title=title, kind=UserKind(kind))
            return {**user_json(user), "one_time_password": password}

        added = self._once.do(req, body, add)
        never_cached(resp)
        resp.status, resp.location = falcon.HTTP_201, f"/v1/users/{added['user_id']}"
        resp.media = added


class UserResource:
    """``GET``; ``PATCH`` with ``title``, ``disabled``: ending a user's sessions is disabling."""

    def __init__(self, services: AccountServices) -> None:
        self._services = services

    def on_get(self, req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        known_only(req, ())
        access, user = access_of(req), self._services.store.people.find_user(user_id)
        agent = None if user is None else self._services.store.agents.find_of_user(user_id)
        teams = {grant.scope.name for grant in user.grants if grant.scope.kind is ScopeKind.TEAM} if user else set()
        queues = {grant.scope.name for grant in user.grants if grant.scope.kind is ScopeKind.QUEUE} if user else set()
        scope = ResourceScope(
            None if user is None else user.user_id,
            frozenset(teams | ({agent.team} if agent else set())),
            frozenset(queues),
        )
        access.require(Permission.USERS_READ, scope, f"user:{user_id}")
        if user is None:
            raise Problem("not-found", f"no user {user_id!r}")
        resp.media = user_json(user)

    on_head = on_get

    def on_patch(self, req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        body = json_body(req)
        only(body, "title", "disabled")
        accounts, deed = self._services.accounts, access_of(req).deed(Permission.USERS_EDIT)
        title = text_field(body, "title", limit=TITLE_MAX) if "title" in body else None
        disabled = body.get("disabled")
        if "disabled" in body and not isinstance(disabled, bool):
            raise Problem("bad-request", "disabled must be true or false")
        user = accounts.get_user(user_id)
        if title is not None:
            user = accounts.set_title(user_id, title, deed)
        if disabled is not None:
            user = accounts.set_disabled(user_id, disabled, deed)
        resp.media = user_json(user)


class UserRoles:
    """``PUT``: all of the user's roles, in the place of those before."""

    def __init__(self, services: AccountServices) -> None:
        self._accounts = services.accounts

    def on_put(self, req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        body = json_body(req)
        only(body, "roles")
        if "roles" not in body:  # an empty list takes them all away, and must be said
            raise Problem("bad-request", "roles must be given")
        deed = access_of(req).deed(Permission.ROLES_GRANT)
        user = self._accounts.set_grants(user_id, grants_field(body), deed)
        resp.media = {"user_id": user_id, "roles": grants_text(user.grants)}


class OneTimePassword:
    """``POST``: a new password, shown once, to be changed at the next sign-in; the user's sessions end."""

    def __init__(self, services: AccountServices) -> None:
        self._accounts = services.accounts
        self._once: Once[str] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        deed = access_of(req).deed(Permission.USERS_EDIT)
        password = self._once.do(req, {}, lambda: self._accounts.reset_password(user_id, deed))
        never_cached(resp)
        resp.media = {"user_id": user_id, "one_time_password": password}


class Unlock:
    """``POST``: the next sign-in need not wait for failed ones."""

    def __init__(self, services: AccountServices) -> None:
        self._accounts = services.accounts
        self._once: Once[None] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        deed = access_of(req).deed(Permission.USERS_EDIT)
        self._once.do(req, {}, lambda: self._accounts.unlock(user_id, deed))
        resp.status = falcon.HTTP_204


class UserKeys:
    """``GET``; ``POST`` with ``title`` and ``expires_at``: a new API key, whose text is shown once."""

    def __init__(self, services: AccountServices) -> None:
        self._services = services
        self._once: Once[dict[str, Any]] = Once()

    def on_get(self, req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        known_only(req, PAGED)
        self._services.accounts.get_user(user_id)
        keys = self._services.store.keys.keys_of(user_id)
        found, following = page_of(req, keys, lambda key: by_time(key.created_at, key.key_id), newest_first=True)
        resp.media = {"items": [key_json(key) for key in found], "next": following}

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        body = json_body(req)
        only(body, "title", "expires_at")
        title = text_field(body, "title", limit=TITLE_MAX)
        ends = parse_time(text_field(body, "expires_at", limit=40), "expires_at") if "expires_at" in body else None
        deed = access_of(req).deed(Permission.KEYS_EDIT)

        def add() -> dict[str, Any]:
            key, text = self._services.accounts.add_key(user_id, title, deed, expires_at=ends)
            return {**key_json(key), "key": text}

        added = self._once.do(req, body, add)
        never_cached(resp)
        resp.status, resp.location = falcon.HTTP_201, f"/v1/users/{user_id}/keys/{added['key_id']}"
        resp.media = added


class UserKey:
    """``DELETE``: the key works no longer."""

    def __init__(self, services: AccountServices) -> None:
        self._accounts = services.accounts

    def on_delete(self, req: falcon.Request, resp: falcon.Response, user_id: str, key_id: str) -> None:
        self._accounts.revoke_key(user_id, key_id, access_of(req).deed(Permission.KEYS_EDIT))
        resp.status = falcon.HTTP_204
