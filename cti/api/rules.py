"""Which permission each route and method needs: one line for each, and none without.

`create_app` refuses to start with a route that has no line, and `guard` refuses a request without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cti.core.access import Permission


class Check(StrEnum):
    """What the permission is decided about."""

    OPEN = "open"  # nobody is asked who they are
    PLATFORM = "platform"  # the platform as a whole; decided before the resource is called
    OWN = "own"  # what belongs to whoever asks; decided before the resource is called
    OBJECT = "object"  # an object or a list: the resource decides, and the guard sees to it that it did


@dataclass(frozen=True, slots=True)
class Rule:
    check: Check
    permission: Permission | None = None
    #: Asked by switches: their only way in is HTTP Basic, with the id and the secret of an API key; and they may ask
    #: without a limit, because all phones come at once after a restart.
    switch: bool = False


OPEN = Rule(Check.OPEN)


def _platform(permission: Permission) -> Rule:
    return Rule(Check.PLATFORM, permission)


def _own(permission: Permission) -> Rule:
    return Rule(Check.OWN, permission)


def _object(permission: Permission) -> Rule:
    return Rule(Check.OBJECT, permission)


_P = Permission
_DIRECTORY = Rule(Check.OBJECT, Permission.PHONES_DIRECTORY, switch=True)

#: Path template -> method -> rule. HEAD goes by GET; OPTIONS tells only which methods there are and is open.
RULES: Mapping[str, Mapping[str, Rule]] = {
    "/healthz": {"GET": OPEN},
    "/metrics": {"GET": OPEN},
    "/problems/{error_id}": {"GET": OPEN},
    "/v1/openapi.json": {"GET": OPEN},
    "/v1/sessions": {"POST": OPEN},
    "/v1/sessions/refresh": {"POST": OPEN},
    "/v1/sessions/{session_id}": {"DELETE": _object(_P.OWN_ACCOUNT)},
    "/v1/me": {"GET": _own(_P.OWN_ACCOUNT)},
    "/v1/me/password": {"PUT": _own(_P.OWN_ACCOUNT)},
    "/v1/me/sessions": {"GET": _own(_P.OWN_ACCOUNT)},
    "/v1/me/stream-ticket": {"POST": _own(_P.EVENTS_READ)},
    "/v1/me/sign-in": {"POST": _own(_P.OWN_PRESENCE)},
    "/v1/me/sign-out": {"POST": _own(_P.OWN_PRESENCE)},
    "/v1/me/state": {"PUT": _own(_P.OWN_PRESENCE)},
    "/v1/me/next": {"PUT": _own(_P.OWN_PRESENCE)},
    "/v1/me/heartbeat": {"PUT": _own(_P.OWN_PRESENCE)},
    "/v1/me/dial": {"POST": _own(_P.CALLS_PLACE)},
    "/v1/me/contacts": {"GET": _own(_P.CONTACTS_HANDLE)},
    "/v1/me/contacts/{contact}/{command}": {"POST": _own(_P.CONTACTS_HANDLE)},
    "/v1/me/contacts/{contact}/wrapup": dict.fromkeys(("GET", "PATCH"), _own(_P.CONTACTS_HANDLE)),
    "/v1/me/contacts/{contact}/messages": {
        "GET": _own(_P.CONTACTS_HANDLE),
        "POST": _own(_P.CONTACTS_HANDLE),
    },
    "/v1/chats": {"POST": _own(_P.CHATS_RELAY)},
    "/v1/chats/{chat}": {"GET": _object(_P.CHATS_RELAY), "DELETE": _object(_P.CHATS_RELAY)},
    "/v1/chats/{chat}/messages": {"GET": _object(_P.CHATS_RELAY), "POST": _object(_P.CHATS_RELAY)},
    "/v1/sms": {"POST": _own(_P.CHATS_RELAY)},
    "/v1/events": {"GET": _own(_P.EVENTS_READ)},
    "/v1/states": {"GET": _own(_P.OWN_ACCOUNT)},
    "/v1/agents": {"GET": _object(_P.AGENTS_READ)},
    "/v1/agents/skills": {"PATCH": _object(_P.SKILLS_EDIT)},
    "/v1/agents/import": {"POST": _object(_P.AGENTS_EDIT)},
    "/v1/agents/states": {"GET": _object(_P.AGENTS_READ)},
    "/v1/schedules": {"GET": _object(_P.SCHEDULES_READ), "POST": _object(_P.SCHEDULES_EDIT)},
    "/v1/schedules/import": {"POST": _object(_P.SCHEDULES_EDIT)},
    "/v1/schedules/{shift}": {
        "GET": _object(_P.SCHEDULES_READ),
        "PUT": _object(_P.SCHEDULES_EDIT),
        "DELETE": _object(_P.SCHEDULES_EDIT),
    },
    "/v1/agents/{agent}": {"GET": _object(_P.AGENTS_READ)},
    "/v1/agents/{agent}/state": {"PUT": _object(_P.AGENTS_STATE)},
    "/v1/agents/{agent}/sign-out": {"POST": _object(_P.AGENTS_STATE)},
    "/v1/skills": {"GET": _platform(_P.SKILLS_READ)},
    "/v1/skills/import": {"POST": _platform(_P.SKILLS_EDIT)},
    "/v1/skills/{skill}": {"PUT": _platform(_P.SKILLS_EDIT)},
    "/v1/queues": {"GET": _object(_P.QUEUES_READ)},
    "/v1/queues/{queue}": {"GET": _object(_P.QUEUES_READ), "PATCH": _object(_P.QUEUES_CONTROL)},
    "/v1/contacts": {"GET": _object(_P.CONTACTS_READ)},
    "/v1/contacts/{contact}": {"GET": _object(_P.CONTACTS_READ)},
    "/v1/contacts/{contact}/document": {"GET": _object(_P.CONTACTS_HANDLE)},
    "/v1/contacts/{contact}/pick-up": {"POST": _object(_P.CONTACTS_PICK_UP)},
    "/v1/contacts/{contact}/move": {"POST": _object(_P.CONTACTS_MOVE)},
    "/v1/contacts/{contact}/priority": {"PUT": _object(_P.CONTACTS_MOVE)},
    "/v1/contacts/{contact}/monitor": {
        "POST": _object(_P.CONTACTS_LISTEN),
        "DELETE": _object(_P.CONTACTS_LISTEN),
    },
    "/v1/users": {"GET": _object(_P.USERS_READ), "POST": _platform(_P.USERS_EDIT)},
    "/v1/users/{user_id}": {"GET": _object(_P.USERS_READ), "PATCH": _platform(_P.USERS_EDIT)},
    "/v1/users/{user_id}/roles": {"PUT": _platform(_P.ROLES_GRANT)},
    "/v1/users/{user_id}/one-time-password": {"POST": _platform(_P.USERS_EDIT)},
    "/v1/users/{user_id}/unlock": {"POST": _platform(_P.USERS_EDIT)},
    "/v1/users/{user_id}/keys": {"GET": _platform(_P.KEYS_EDIT), "POST": _platform(_P.KEYS_EDIT)},
    "/v1/users/{user_id}/keys/{key_id}": {"DELETE": _platform(_P.KEYS_EDIT)},
    "/v1/roles": {"GET": _own(_P.OWN_ACCOUNT)},
    "/v1/teams": {"GET": _object(_P.TEAMS_READ)},
    "/v1/teams/{team}": {"PUT": _object(_P.TEAMS_EDIT)},
    "/v1/callbacks": {"GET": _object(_P.CALLBACKS_READ), "POST": _object(_P.CALLBACKS_EDIT)},
    "/v1/callbacks/{callback_id}": {
        "GET": _object(_P.CALLBACKS_READ),
        "PATCH": _object(_P.CALLBACKS_EDIT),
        "DELETE": _object(_P.CALLBACKS_EDIT),
    },
    "/v1/notices": {"GET": _platform(_P.NOTICES_READ), "POST": _platform(_P.NOTICES_EDIT)},
    "/v1/notices/{notice_id}": {
        "GET": _platform(_P.NOTICES_READ),
        "PUT": _platform(_P.NOTICES_EDIT),
        "DELETE": _platform(_P.NOTICES_EDIT),
    },
    "/v1/blocked": {"GET": _platform(_P.NOTICES_READ), "POST": _platform(_P.NOTICES_EDIT)},
    "/v1/blocked/{blocked_id}": {"DELETE": _platform(_P.NOTICES_EDIT)},
    "/v1/webhooks": {"GET": _platform(_P.WEBHOOKS_EDIT), "POST": _platform(_P.WEBHOOKS_EDIT)},
    "/v1/webhooks/{webhook_id}": {
        "GET": _platform(_P.WEBHOOKS_EDIT),
        "PATCH": _platform(_P.WEBHOOKS_EDIT),
        "DELETE": _platform(_P.WEBHOOKS_EDIT),
    },
    "/v1/webhooks/{webhook_id}/secret": {"POST": _platform(_P.WEBHOOKS_EDIT)},
    "/v1/webhooks/{webhook_id}/test": {"POST": _platform(_P.WEBHOOKS_EDIT)},
    "/v1/webhooks/{webhook_id}/deliveries": {"GET": _platform(_P.WEBHOOKS_EDIT)},
    "/v1/webhooks/{webhook_id}/redeliver": {"POST": _platform(_P.WEBHOOKS_EDIT)},
    "/v1/lookups/{lookup}": {"POST": _platform(_P.LOOKUPS_RUN)},
    "/v1/requests": {"GET": _own(_P.REQUESTS_RUN), "POST": _platform(_P.REQUESTS_RUN)},
    "/v1/requests/{request_id}": {"GET": _own(_P.REQUESTS_RUN)},
    "/v1/requests/dead": {"GET": _platform(_P.REQUESTS_SETTLE)},
    "/v1/requests/dead/replay": {"POST": _platform(_P.REQUESTS_SETTLE)},
    "/v1/requests/dead/drop": {"POST": _platform(_P.REQUESTS_SETTLE)},
    "/v1/backends": {"GET": _platform(_P.BACKENDS_READ)},
    "/v1/backends/differences": {"GET": _platform(_P.BACKENDS_READ)},
    "/v1/backends/differences/{lookup}": {"GET": _platform(_P.BACKENDS_READ)},
    "/v1/backends/differences/clear": {"POST": _platform(_P.BACKENDS_CONTROL)},
    "/v1/nodes": {"GET": _platform(_P.NODES_READ)},
    "/v1/nodes/{node}/draining": {"PUT": _platform(_P.NODES_DRAIN)},
    "/v1/feeds": {"GET": _platform(_P.FEEDS_READ)},
    "/v1/feeds/{feed}/runs": {"GET": _platform(_P.FEEDS_READ)},
    "/v1/feeds/{feed}/run": {"POST": _platform(_P.FEEDS_RUN)},
    "/v1/orders": {"GET": _platform(_P.ORDERS_READ), "POST": _platform(_P.ORDERS_PLACE)},
    "/v1/orders/sources": {"GET": _platform(_P.ORDERS_READ)},
    "/v1/audit": {"GET": _platform(_P.AUDIT_READ)},
    "/v1/calls": {"GET": _object(_P.CALLS_READ)},
    "/v1/calls/{call_id}": {"GET": _object(_P.CALLS_READ)},
    "/v1/calls/{call_id}/recordings": {"GET": _object(_P.RECORDINGS_READ)},
    "/v1/recordings": {"GET": _object(_P.RECORDINGS_READ)},
    "/v1/recordings/{recording_id}": {
        "GET": _object(_P.RECORDINGS_READ),
        "DELETE": _object(_P.RECORDINGS_DELETE),
    },
    "/v1/recordings/{recording_id}/hold": {"PUT": _object(_P.RECORDINGS_HOLD)},
    "/v1/recordings/{recording_id}/audio": {"GET": _object(_P.RECORDINGS_LISTEN)},
    "/v1/recordings/{recording_id}/pages": {"GET": _object(_P.RECORDINGS_LISTEN)},
    "/v1/reports/{name}": {"GET": _object(_P.REPORTS_READ)},
    "/v1/demo/calls": {"POST": _platform(_P.DEMO_CALL)},
    "/v1/flows": {"GET": _platform(_P.FLOWS_READ)},
    "/v1/flows/{flow}": {"GET": _platform(_P.FLOWS_READ)},
    "/v1/flows/check": {"POST": _platform(_P.FLOWS_CHECK)},
    "/v1/flows/drafts": {"GET": _platform(_P.FLOWS_READ)},
    "/v1/flows/activate": {"POST": _platform(_P.FLOWS_ACTIVATE)},
    "/v1/flows/{flow}/source": {
        "GET": _platform(_P.FLOWS_READ),
        "PUT": _platform(_P.FLOWS_EDIT),
        "DELETE": _platform(_P.FLOWS_EDIT),
    },
    "/v1/flows/{flow}/rollback": {"POST": _platform(_P.FLOWS_ACTIVATE)},
    "/v1/entries": {"GET": _platform(_P.ENTRIES_READ)},
    "/v1/entries/source": {
        "GET": _platform(_P.ENTRIES_READ),
        "PUT": _platform(_P.ENTRIES_EDIT),
        "DELETE": _platform(_P.ENTRIES_EDIT),
    },
    "/v1/entries/check": {"POST": _platform(_P.FLOWS_CHECK)},
    "/v1/entries/activate": {"POST": _platform(_P.ENTRIES_EDIT)},
    "/v1/entries/rollback": {"POST": _platform(_P.ENTRIES_EDIT)},
    "/v1/entries/history": {"GET": _platform(_P.ENTRIES_READ)},
    "/v1/entries/match": {"POST": _platform(_P.ENTRIES_READ)},
    "/v1/customers/lookup": {"POST": _platform(_P.CUSTOMERS_READ)},
    "/v1/customers/{customer}": {"GET": _platform(_P.CUSTOMERS_READ)},
    "/v1/customers/{customer}/contacts": {"GET": _platform(_P.CUSTOMERS_READ)},
    "/v1/calendars": {"GET": _platform(_P.CALENDARS_READ)},
    "/v1/calendars/import": {"POST": _platform(_P.CALENDARS_EDIT)},
    "/v1/calendars/{calendar}": {
        "GET": _platform(_P.CALENDARS_READ),
        "PUT": _platform(_P.CALENDARS_EDIT),
        "DELETE": _platform(_P.CALENDARS_EDIT),
    },
    "/v1/calendars/{calendar}/history": {"GET": _platform(_P.CALENDARS_READ)},
    "/v1/calendars/{calendar}/rollback": {"POST": _platform(_P.CALENDARS_EDIT)},
    "/v1/phones/{agent}/password": {"POST": _object(_P.PHONES_ROTATE)},
    "/switch/directory": {"GET": _DIRECTORY, "POST": _DIRECTORY},
}


def rule_of(template: str, method: str) -> Rule | None:
    """None: there is no such method there, or nobody has said who may."""
    return RULES.get(template, {}).get("GET" if method == "HEAD" else method)
