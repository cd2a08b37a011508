"""Signing in, the own account, users, roles, teams and the audit."""

from __future__ import annotations

from cti.api.schemas.base import (
    CURSOR,
    FLAG,
    LIMIT,
    MOMENT,
    NAME,
    NUMBER_CURSOR,
    PAGES,
    TEXT,
    TIME,
    WHOLE,
    Operation,
    Schema,
    body,
    listed,
    mapped,
    maybe,
    one_of,
    page,
    ref,
    shape,
    text,
    whole,
)  # fmt: skip
from cti.core.access import Permission, Role
from cti.core.access.policy import Reach
from cti.core.people import TITLE_MAX, UserKind

NAME_MAX, PASSWORD_MAX, TOKEN_MAX, ROLES_MAX = 200, 256, 512, 50
_TITLE = text(TITLE_MAX)
_SCOPE_PATTERN = "(\\*|(team|queue|switch):[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$"
_GRANT_TEXT: Schema = {"type": "string", "pattern": f"^[a-z_]+@{_SCOPE_PATTERN}"}
_SCOPE: Schema = {"type": "string", "pattern": f"^{_SCOPE_PATTERN}"}
_GRANTS = listed(body({"role": one_of(Role)}, {"scope": _SCOPE}), ROLES_MAX)
_BAD_ROLES = ("bad-role", "bad-scope")

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Me": shape({
        "user_id": TEXT, "name": TEXT, "title": TEXT, "roles": listed(_GRANT_TEXT),
        "permissions": listed(one_of(Permission)), "must_change_password": FLAG, "agent_id": maybe(TEXT),
        "team": maybe(TEXT),
    }, {"work": maybe(ref("Work"))}),
    "Session": shape({
        "session_id": TEXT, "token_type": {"const": "Bearer"}, "access_token": TEXT, "expires_in": WHOLE,
        "refresh_token": TEXT, "refresh_expires_in": WHOLE, "must_change_password": FLAG,
        "user": shape({"user_id": TEXT, "name": TEXT, "title": TEXT, "roles": listed(_GRANT_TEXT)}),
    }),
    "OwnSession": shape({"session_id": TEXT, "created_at": TIME, "expires_at": TIME, "current": FLAG}),
    "User": shape({
        "user_id": TEXT, "name": NAME, "title": TEXT, "kind": one_of(UserKind),
        "roles": listed(shape({"role": one_of(Role), "scope": _SCOPE})), "disabled_at": maybe(TIME),
        "created_at": TIME, "password_at": maybe(TIME), "one_time_until": maybe(TIME),
    }),
    "NewUser": {"allOf": [ref("User"), shape({"one_time_password": maybe(TEXT)})]},
    "Key": shape({
        "key_id": TEXT, "user_id": TEXT, "title": TEXT, "created_at": TIME, "expires_at": maybe(TIME),
        "revoked_at": maybe(TIME), "used_at": maybe(TIME),
    }),
    "NewKey": {"allOf": [ref("Key"), shape({"key": {"type": "string", "description": "Shown once."}})]},
    "Team": shape({"team": NAME, "title": TEXT}),
    "Role": shape({"role": one_of(Role), "permissions": mapped(one_of(
        reach.name.lower() for reach in Reach if reach), one_of(Permission))}),
    "AuditLine": shape({
        "number": whole(1, 2**63 - 1), "at": TIME, "user_id": TEXT, "user_name": TEXT, "via": TEXT, "action": TEXT,
        "permission": TEXT, "target": TEXT, "allowed": FLAG, "reason": TEXT, "before": {"type": "object"},
        "after": {"type": "object"},
    }),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/v1/sessions"): Operation(
        "Sign in", {201: ref("Session")}, body({"name": text(NAME_MAX, 1), "password": text(PASSWORD_MAX, 1)}),
        errors=("sign-in-refused", "too-many-attempts", "busy", "store-unavailable"), sends=("Location",),
        example={"name": "anna", "password": "a long password of hers"},
    ),
    ("POST", "/v1/sessions/refresh"): Operation(
        "Take the next tokens", {200: ref("Session")}, body({"refresh_token": text(TOKEN_MAX, 1)}),
        errors=("sign-in-refused", "session-ended", "bad-token", "store-unavailable"),
        example={"refresh_token": "cti-r-1.the-one-of-the-last-answer"},
    ),
    ("DELETE", "/v1/sessions/{session_id}"): Operation("Sign out", {204: None}),
    ("GET", "/v1/me"): Operation("Who I am", {200: ref("Me")}, errors=("unknown-user",)),
    ("PUT", "/v1/me/password"): Operation(
        "Change my password", {200: shape({"sessions_ended": {"type": "integer", "minimum": 0}})},
        body({"current": text(PASSWORD_MAX, 1), "new": text(PASSWORD_MAX, 1)}),
        errors=("sign-in-refused", "too-many-attempts", "busy", "weak-password", "no-password"),
        example={"current": "a long password of hers", "new": "another that nobody would try"},
    ),
    ("GET", "/v1/me/sessions"): Operation("Where I am signed in", {200: page("OwnSession")}, query=PAGES),
    ("POST", "/v1/me/stream-ticket"): Operation(
        "A ticket that opens one stream", {201: shape({"ticket": TEXT, "expires_in": WHOLE})}
    ),
    ("GET", "/v1/users"): Operation(
        "Users by name", {200: page("User")}, query={"limit": LIMIT, "after": {**CURSOR, "maxLength": 64}},
    ),
    ("POST", "/v1/users"): Operation(
        "Add a user", {201: ref("NewUser")},
        body({"name": NAME}, {"title": _TITLE, "kind": one_of(UserKind), "roles": _GRANTS}),
        errors=("name-taken", "bad-name", "bad-title", *_BAD_ROLES), sends=("Location",),
        example={"name": "carol", "title": "Carol", "roles": [{"role": "agent", "scope": "team:north"}]},
    ),
    ("GET", "/v1/users/{user_id}"): Operation("A user", {200: ref("User")}),
    ("PATCH", "/v1/users/{user_id}"): Operation(
        "Change a user's title, or let the user in no longer", {200: ref("User")},
        body({}, {"title": text(TITLE_MAX, 1), "disabled": FLAG}),
        errors=("unknown-user", "bad-title", "last-admin"), example={"title": "Carol of the north"},
    ),
    ("PUT", "/v1/users/{user_id}/roles"): Operation(
        "Set all roles of a user", {200: shape({"user_id": TEXT, "roles": listed(_GRANT_TEXT)})},
        body({"roles": _GRANTS}), errors=("unknown-user", "last-admin", *_BAD_ROLES),
        example={"roles": [{"role": "agent", "scope": "team:north"}]},
    ),
    ("POST", "/v1/users/{user_id}/one-time-password"): Operation(
        "Give a user a new one-time password", {200: shape({"user_id": TEXT, "one_time_password": TEXT})},
        errors=("unknown-user", "no-password", "busy"),
    ),
    ("POST", "/v1/users/{user_id}/unlock"): Operation(
        "Let a user sign in at once after failures", {204: None}, errors=("unknown-user",),
    ),
    ("GET", "/v1/users/{user_id}/keys"): Operation(
        "API keys of a user", {200: page("Key")}, query=PAGES, errors=("unknown-user",),
    ),
    ("POST", "/v1/users/{user_id}/keys"): Operation(
        "A new API key; its text is shown once", {201: ref("NewKey")},
        body({"title": text(TITLE_MAX, 1)}, {"expires_at": MOMENT}), errors=("unknown-user", "bad-title"),
        sends=("Location",), example={"title": "wallboard"},
    ),
    ("DELETE", "/v1/users/{user_id}/keys/{key_id}"): Operation(
        "Take an API key back", {204: None}, errors=("unknown-user", "unknown-key"),
    ),
    ("GET", "/v1/roles"): Operation("The policy table", {200: page("Role")}, query=PAGES),
    ("GET", "/v1/teams"): Operation("Teams", {200: page("Team")}, query=PAGES),
    ("PUT", "/v1/teams/{team}"): Operation(
        "Add or rename a team", {200: ref("Team")}, body({}, {"title": _TITLE}), errors=("bad-name", "bad-title"),
        example={"title": "North"},
    ),
    ("GET", "/v1/audit"): Operation(
        "The audit, the newest first", {200: page("AuditLine")}, query={
            "limit": LIMIT, "before": NUMBER_CURSOR, "user": TEXT, "action": TEXT, "permission": TEXT, "target": TEXT,
            "allowed": FLAG, "since": MOMENT, "until": MOMENT,
        }, errors=("bad-cursor",),
    ),
}
# fmt: on
