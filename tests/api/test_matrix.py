"""Every route × every role: what each is answered. A route without a line here fails the test.

`lead` and `super` are granted for the north only; `author`, `auditor` and `root` everywhere. `norole` has no role,
`new` has signed in with a one-time password.
"""

from __future__ import annotations

from typing import Any

import pytest

from cti.api.rules import RULES, Check
from cti.core.access import Grant, Role
from cti.core.legs import LegAnswered, LegsBridged
from cti.core.schedules import Shift
from tests.api.description import described
from tests.api.floorsite import come, sit
from tests.api.recordsite import Studio, sound
from tests.api.site import DEED, NOW, PEOPLE, Platform

WHO = ("nobody", "norole", "new", "anna", "lead", "super", "author", "auditor", "root")

_DEMO, _NO_BODY = {"called": "10086"}, {}
#: (method, template, body, …) and the answer to each of WHO. Bodies that are refused (400, 422) got past the guard.
# fmt: off
MATRIX: list[tuple[str, str, Any, str]] = [
    #                                                         nobody norole new anna lead super author auditor root
    ("GET",    "/healthz", None,                               "200 200 200 200 200 200 200 200 200"),
    ("GET",    "/metrics", None,                               "200 200 200 200 200 200 200 200 200"),
    ("GET",    "/problems/{error_id}", None,                   "200 200 200 200 200 200 200 200 200"),
    ("GET",    "/v1/openapi.json", None,                       "200 200 200 200 200 200 200 200 200"),
    ("POST",   "/v1/sessions", _NO_BODY,                       "400 400 400 400 400 400 400 400 400"),
    ("POST",   "/v1/sessions/refresh", _NO_BODY,               "400 400 400 400 400 400 400 400 400"),
    ("DELETE", "/v1/sessions/{session_id}", None,              "401 403 404 404 404 404 404 404 404"),
    ("GET",    "/v1/me", None,                                 "401 403 200 200 200 200 200 200 200"),
    ("PUT",    "/v1/me/password", _NO_BODY,                    "401 403 400 400 400 400 400 400 400"),
    ("GET",    "/v1/me/sessions", None,                        "401 403 200 200 200 200 200 200 200"),
    ("POST",   "/v1/me/stream-ticket", None,                   "401 403 403 201 201 201 201 201 201"),
    ("POST",   "/v1/me/sign-in", {"phone": 1},                 "401 403 403 400 409 409 403 403 403"),
    ("POST",   "/v1/me/sign-out", None,                        "401 403 403 409 409 409 403 403 403"),
    ("PUT",    "/v1/me/state", _NO_BODY,                       "401 403 403 400 400 400 403 403 403"),
    ("PUT",    "/v1/me/next", {"state": None},                 "401 403 403 409 409 409 403 403 403"),
    ("PUT",    "/v1/me/heartbeat", None,                       "401 403 403 409 409 409 403 403 403"),
    ("POST",   "/v1/me/dial", {"to": 1},                       "401 403 403 400 400 400 403 403 403"),
    ("GET",    "/v1/me/contacts", None,                        "401 403 403 200 409 409 403 403 403"),
    ("POST",   "/v1/me/contacts/{contact}/{command}", None,    "401 403 403 409 409 409 403 403 403"),
    ("GET",    "/v1/me/contacts/{contact}/messages", None,     "401 403 403 200 409 409 403 403 403"),
    ("GET",    "/v1/me/contacts/{contact}/wrapup", None,       "401 403 403 200 409 409 403 403 403"),
    ("PATCH",  "/v1/me/contacts/{contact}/wrapup", {"notes": "x"}, "401 403 403 409 409 409 403 403 403"),
    ("POST",   "/v1/me/contacts/{contact}/messages", {"text": "x"}, "401 403 403 409 409 409 403 403 403"),
    ("POST",   "/v1/chats", {"text": "x"},                     "401 403 403 403 403 403 403 403 403"),
    ("GET",    "/v1/chats/{chat}", None,                       "401 403 403 403 403 403 403 403 403"),
    ("DELETE", "/v1/chats/{chat}", None,                       "401 403 403 403 403 403 403 403 403"),
    ("GET",    "/v1/chats/{chat}/messages", None,              "401 403 403 403 403 403 403 403 403"),
    ("POST",   "/v1/chats/{chat}/messages", {"text": "x"},     "401 403 403 403 403 403 403 403 403"),
    ("POST",   "/v1/sms", _NO_BODY,                            "401 403 403 403 403 403 403 403 403"),
    ("GET",    "/v1/contacts/{contact}/document", None,        "401 403 403 404 404 404 403 403 403"),
    ("GET",    "/v1/events", None,                             "401 403 403 200 200 200 200 200 200"),
    ("GET",    "/v1/states", None,                             "401 403 200 200 200 200 200 200 200"),
    ("GET",    "/v1/agents", None,                             "401 403 403 200 200 200 403 200 200"),
    ("PATCH",  "/v1/agents/skills", _NO_BODY,                  "401 403 403 403 400 403 403 403 400"),
    ("POST",   "/v1/agents/import", _NO_BODY,                  "401 403 403 403 415 403 403 403 415"),
    ("GET",    "/v1/agents/states", None,                      "401 403 403 400 400 400 403 400 400"),
    ("GET",    "/v1/schedules", None,                          "401 403 403 400 400 400 403 400 400"),
    ("POST",   "/v1/schedules", _NO_BODY,                      "401 403 403 403 400 400 403 403 400"),
    ("POST",   "/v1/schedules/import", _NO_BODY,               "401 403 403 403 415 415 403 403 415"),
    ("GET",    "/v1/schedules/{shift}", None,                  "401 403 403 200 200 200 403 200 200"),
    ("PUT",    "/v1/schedules/{shift}", _NO_BODY,              "401 403 403 403 428 428 403 403 428"),
    ("DELETE", "/v1/schedules/{shift}", None,                  "401 403 403 403 428 428 403 403 428"),
    ("GET",    "/v1/agents/{agent}", None,                     "401 403 403 200 200 200 403 200 200"),
    ("PUT",    "/v1/agents/{agent}/state", {"state": "READY"}, "401 403 403 403 200 200 403 403 403"),
    ("POST",   "/v1/agents/{agent}/sign-out", {"forced": 1},   "401 403 403 403 400 400 403 403 403"),
    ("GET",    "/v1/skills", None,                             "401 403 403 200 200 200 200 200 200"),
    ("PUT",    "/v1/skills/{skill}", {"title": 1},             "401 403 403 403 403 403 403 403 400"),
    ("POST",   "/v1/skills/import", _NO_BODY,                  "401 403 403 403 403 403 403 403 415"),
    ("GET",    "/v1/queues", None,                             "401 403 403 200 200 200 200 200 200"),
    ("GET",    "/v1/queues/{queue}", None,                     "401 403 403 404 404 404 200 200 200"),
    ("PATCH",  "/v1/queues/{queue}", {"opened": True},         "401 403 403 403 403 404 403 403 200"),
    ("GET",    "/v1/contacts", None,                           "401 403 403 200 200 200 403 200 403"),
    ("GET",    "/v1/contacts/{contact}", None,                 "401 403 403 200 200 200 403 200 403"),
    ("POST",   "/v1/contacts/{contact}/pick-up", None,         "401 403 403 409 409 409 403 403 403"),
    ("POST",   "/v1/contacts/{contact}/move", {"queue": "second"}, "401 403 403 403 409 409 403 403 403"),
    ("PUT",    "/v1/contacts/{contact}/priority", {"priority": 1}, "401 403 403 403 409 409 403 403 403"),
    ("POST",   "/v1/contacts/{contact}/monitor", {"mode": "barge", "phone": "1009"},
                                                               "401 403 403 403 403 202 403 403 403"),
    ("DELETE", "/v1/contacts/{contact}/monitor", None,         "401 403 403 403 409 204 403 403 403"),
    ("GET",    "/v1/users", None,                              "401 403 403 403 200 403 403 200 200"),
    ("POST",   "/v1/users", _NO_BODY,                          "401 403 403 403 403 403 403 403 400"),
    ("GET",    "/v1/users/{user_id}", None,                    "401 403 403 403 200 403 403 200 200"),
    ("PATCH",  "/v1/users/{user_id}", _NO_BODY,                "401 403 403 403 403 403 403 403 200"),
    ("PUT",    "/v1/users/{user_id}/roles", {"roles": 1},      "401 403 403 403 403 403 403 403 400"),
    ("POST",   "/v1/users/{user_id}/one-time-password", None,  "401 403 403 403 403 403 403 403 200"),
    ("POST",   "/v1/users/{user_id}/unlock", None,             "401 403 403 403 403 403 403 403 204"),
    ("GET",    "/v1/users/{user_id}/keys", None,               "401 403 403 403 403 403 403 403 200"),
    ("POST",   "/v1/users/{user_id}/keys", _NO_BODY,           "401 403 403 403 403 403 403 403 400"),
    ("DELETE", "/v1/users/{user_id}/keys/{key_id}", None,      "401 403 403 403 403 403 403 403 404"),
    ("GET",    "/v1/roles", None,                              "401 403 200 200 200 200 200 200 200"),
    ("GET",    "/v1/teams", None,                              "401 403 403 200 200 200 403 200 200"),
    ("PUT",    "/v1/teams/{team}", _NO_BODY,                   "401 403 403 403 403 403 403 403 200"),
    ("GET",    "/v1/callbacks", None,                          "401 403 403 200 200 200 403 200 403"),
    ("POST",   "/v1/callbacks", _NO_BODY,                      "401 403 403 404 404 404 403 403 403"),
    ("GET",    "/v1/callbacks/{callback_id}", None,            "401 403 403 404 404 404 403 404 403"),
    ("PATCH",  "/v1/callbacks/{callback_id}", _NO_BODY,        "401 403 403 404 404 404 403 403 403"),
    ("DELETE", "/v1/callbacks/{callback_id}", None,            "401 403 403 404 404 404 403 403 403"),
    ("GET",    "/v1/notices", None,                            "401 403 403 200 200 200 200 200 200"),
    ("POST",   "/v1/notices", _NO_BODY,                        "401 403 403 403 400 400 403 403 400"),
    ("GET",    "/v1/notices/{notice_id}", None,                "401 403 403 404 404 404 404 404 404"),
    ("PUT",    "/v1/notices/{notice_id}", _NO_BODY,            "401 403 403 403 404 404 403 403 404"),
    ("DELETE", "/v1/notices/{notice_id}", None,                "401 403 403 403 404 404 403 403 404"),
    ("GET",    "/v1/blocked", None,                            "401 403 403 200 200 200 200 200 200"),
    ("POST",   "/v1/blocked", _NO_BODY,                        "401 403 403 403 400 400 403 403 400"),
    ("DELETE", "/v1/blocked/{blocked_id}", None,               "401 403 403 403 404 404 403 403 404"),
    ("GET",    "/v1/webhooks", None,                           "401 403 403 403 403 403 403 403 200"),
    ("POST",   "/v1/webhooks", _NO_BODY,                       "401 403 403 403 403 403 403 403 400"),
    ("GET",    "/v1/webhooks/{webhook_id}", None,              "401 403 403 403 403 403 403 403 404"),
    ("PATCH",  "/v1/webhooks/{webhook_id}", {"enabled": True}, "401 403 403 403 403 403 403 403 404"),
    ("DELETE", "/v1/webhooks/{webhook_id}", None,              "401 403 403 403 403 403 403 403 404"),
    ("POST",   "/v1/webhooks/{webhook_id}/secret", None,       "401 403 403 403 403 403 403 403 404"),
    ("POST",   "/v1/webhooks/{webhook_id}/test", None,         "401 403 403 403 403 403 403 403 404"),
    ("GET",    "/v1/webhooks/{webhook_id}/deliveries", None,   "401 403 403 403 403 403 403 403 404"),
    ("POST",   "/v1/webhooks/{webhook_id}/redeliver", None,    "401 403 403 403 403 403 403 403 404"),
    ("POST",   "/v1/lookups/{lookup}", {"arguments": {"msisdn": "13800001234"}},
                                                               "401 403 403 200 200 200 200 403 403"),
    ("GET",    "/v1/backends", None,                           "401 403 403 403 403 200 200 200 200"),
    ("GET",    "/v1/backends/differences", None,               "401 403 403 403 403 200 200 200 200"),
    ("GET",    "/v1/backends/differences/{lookup}", None,      "401 403 403 403 403 404 404 404 404"),
    ("POST",   "/v1/backends/differences/clear", _NO_BODY,     "401 403 403 403 403 403 403 403 400"),
    ("GET",    "/v1/nodes", None,                              "401 403 403 403 403 403 403 200 200"),
    ("PUT",    "/v1/nodes/{node}/draining", {"draining": False}, "401 403 403 403 403 403 403 403 404"),
    ("GET",    "/v1/feeds", None,                              "401 403 403 403 403 403 403 200 200"),
    ("GET",    "/v1/feeds/{feed}/runs", None,                  "401 403 403 403 403 403 403 200 200"),
    ("POST",   "/v1/feeds/{feed}/run", _NO_BODY,               "401 403 403 403 403 403 403 403 202"),
    ("GET",    "/v1/orders", None,                             "401 403 403 403 403 403 403 200 200"),
    ("POST",   "/v1/orders", _NO_BODY,                         "401 403 403 403 403 403 403 403 400"),
    ("GET",    "/v1/orders/sources", None,                     "401 403 403 403 403 403 403 200 200"),
    ("GET",    "/v1/audit", None,                              "401 403 403 403 403 403 403 200 200"),
    ("GET",    "/v1/calls", None,                              "401 403 403 200 200 200 200 200 200"),
    ("GET",    "/v1/calls/{call_id}", None,                    "401 403 403 200 200 200 200 200 200"),
    ("GET",    "/v1/calls/{call_id}/recordings", None,         "401 403 403 403 200 200 403 200 200"),
    ("GET",    "/v1/recordings", None,                         "401 403 403 403 200 200 403 200 200"),
    ("GET",    "/v1/recordings/{recording_id}", None,          "401 403 403 403 200 200 403 200 200"),
    ("DELETE", "/v1/recordings/{recording_id}", None,          "401 403 403 403 403 403 403 403 400"),
    ("PUT",    "/v1/recordings/{recording_id}/hold", _NO_BODY, "401 403 403 403 403 400 403 403 400"),
    ("GET",    "/v1/recordings/{recording_id}/audio", None,    "401 403 403 403 200 200 403 400 403"),
    ("GET",    "/v1/recordings/{recording_id}/pages", None,    "401 403 403 403 404 404 403 400 403"),
    ("GET",    "/v1/reports/{name}", None,                     "401 403 403 400 400 400 400 400 400"),
    ("POST",   "/v1/demo/calls", _DEMO,                        "401 403 403 403 403 201 201 403 201"),
    ("GET",    "/v1/requests", None,                           "401 403 403 200 200 200 403 403 403"),
    ("POST",   "/v1/requests", _NO_BODY,                       "401 403 403 400 400 400 403 403 403"),
    ("GET",    "/v1/requests/{request_id}", None,              "401 403 403 404 404 404 403 403 403"),
    ("GET",    "/v1/requests/dead", None,                      "401 403 403 403 403 200 403 403 200"),
    ("POST",   "/v1/requests/dead/replay", _NO_BODY,           "401 403 403 403 403 400 403 403 400"),
    ("POST",   "/v1/requests/dead/drop", _NO_BODY,             "401 403 403 403 403 400 403 403 400"),
    ("GET",    "/v1/flows", None,                              "401 403 403 403 200 200 200 200 200"),
    ("GET",    "/v1/flows/{flow}", None,                       "401 403 403 403 200 200 200 200 200"),
    ("POST",   "/v1/flows/check", _NO_BODY,                    "401 403 403 403 403 403 400 403 400"),
    ("GET",    "/v1/flows/drafts", None,                       "401 403 403 403 200 200 200 200 200"),
    ("POST",   "/v1/flows/activate", _NO_BODY,                 "401 403 403 403 403 403 400 403 403"),
    ("GET",    "/v1/flows/{flow}/source", None,                "401 403 403 403 404 404 404 404 404"),
    ("PUT",    "/v1/flows/{flow}/source", _NO_BODY,            "401 403 403 403 403 403 400 403 403"),
    ("DELETE", "/v1/flows/{flow}/source", None,                "401 403 403 403 403 403 404 403 403"),
    ("POST",   "/v1/flows/{flow}/rollback", _NO_BODY,          "401 403 403 403 403 403 400 403 403"),
    ("GET",    "/v1/entries", None,                            "401 403 403 403 200 200 200 200 200"),
    ("GET",    "/v1/entries/source", None,                     "401 403 403 403 404 404 404 404 404"),
    ("PUT",    "/v1/entries/source", _NO_BODY,                 "401 403 403 403 403 403 400 403 403"),
    ("DELETE", "/v1/entries/source", None,                     "401 403 403 403 403 403 404 403 403"),
    ("POST",   "/v1/entries/check", _NO_BODY,                  "401 403 403 403 403 403 400 403 400"),
    ("POST",   "/v1/entries/activate", _NO_BODY,               "401 403 403 403 403 403 400 403 403"),
    ("POST",   "/v1/entries/rollback", _NO_BODY,               "401 403 403 403 403 403 400 403 403"),
    ("GET",    "/v1/entries/history", None,                    "401 403 403 403 200 200 200 200 200"),
    ("POST",   "/v1/entries/match", {"called": "10086"},       "401 403 403 403 200 200 200 200 200"),
    ("POST",   "/v1/customers/lookup", {"number": "1"},        "401 403 403 404 404 404 403 404 403"),
    ("GET",    "/v1/customers/{customer}", None,               "401 403 403 404 404 404 403 404 403"),
    ("GET",    "/v1/customers/{customer}/contacts", None,      "401 403 403 404 404 404 403 404 403"),
    ("GET",    "/v1/calendars", None,                          "401 403 403 200 200 200 200 200 200"),
    ("POST",   "/v1/calendars/import", _NO_BODY,               "401 403 403 403 415 415 415 403 403"),
    ("GET",    "/v1/calendars/{calendar}", None,               "401 403 403 404 404 404 404 404 404"),
    ("PUT",    "/v1/calendars/{calendar}", _NO_BODY,           "401 403 403 403 400 400 400 403 403"),
    ("DELETE", "/v1/calendars/{calendar}", None,               "401 403 403 403 404 404 404 403 403"),
    ("GET",    "/v1/calendars/{calendar}/history", None,       "401 403 403 404 404 404 404 404 404"),
    ("POST",   "/v1/calendars/{calendar}/rollback", _NO_BODY,  "401 403 403 403 400 400 400 403 403"),
    ("POST",   "/v1/phones/{agent}/password", None,            "401 403 403 403 403 403 403 403 200"),
    ("GET",    "/switch/directory", None,                      "401 403 403 403 403 403 403 403 403"),
    ("POST",   "/switch/directory", None,                      "401 403 403 403 403 403 403 403 403"),
]

#: The role of switches: refused wherever nobody's role is asked for, but here.
SWITCH = {("GET", "/switch/directory"): 404, ("POST", "/switch/directory"): 415}

#: The role of machines that bring what customers write.
GATEWAY = {
    ("POST", "/v1/chats"): 201, ("GET", "/v1/chats/{chat}"): 404, ("DELETE", "/v1/chats/{chat}"): 404,
    ("GET", "/v1/chats/{chat}/messages"): 404, ("POST", "/v1/chats/{chat}/messages"): 404, ("POST", "/v1/sms"): 400,
}  # fmt: skip

#: Objects of the south, and of nobody: another team's object is not there, whatever is done to it.
OTHERS: list[tuple[str, str, Any, str]] = [
    ("GET",    "/v1/calls/c-south", None,                      "401 403 403 404 404 404 200 200 200"),
    ("GET",    "/v1/calls/c-nobodys", None,                    "401 403 403 404 404 404 200 200 200"),
    ("GET",    "/v1/calls/nope", None,                         "401 403 403 404 404 404 404 404 404"),
    ("GET",    "/v1/calls/c-south/recordings", None,           "401 403 403 403 404 404 403 200 200"),
    ("GET",    "/v1/recordings/r-south", None,                 "401 403 403 403 404 404 403 200 200"),
    ("GET",    "/v1/recordings/r-south/audio", None,           "401 403 403 403 404 404 403 400 403"),
    ("PUT",    "/v1/recordings/r-south/hold", _NO_BODY,        "401 403 403 403 403 404 403 403 400"),
    ("GET",    "/v1/recordings/nope", None,                    "401 403 403 403 404 404 403 404 404"),
    ("DELETE", "/v1/recordings/nope", None,                    "401 403 403 403 403 403 403 403 404"),
    ("GET",    "/v1/agents/1002", None,                        "401 403 403 404 404 404 403 200 200"),
    ("PUT",    "/v1/agents/1002/state", {"state": "READY"},    "401 403 403 403 404 404 403 403 403"),
    ("POST",   "/v1/agents/1002/sign-out", _NO_BODY,           "401 403 403 403 404 404 403 403 403"),
    ("PATCH",  "/v1/agents/skills", {"agents": {"1002": {}}},  "401 403 403 403 404 403 403 403 200"),
    ("GET",    "/v1/schedules/s-south", None,                  "401 403 403 404 404 404 403 200 200"),
    ("DELETE", "/v1/schedules/s-south", None,                  "401 403 403 403 404 404 403 403 428"),
    ("GET",    "/v1/schedules/nope", None,                     "401 403 403 404 404 404 403 404 404"),
    ("POST",   "/v1/schedules", {"agent": "1002", "from": "2026-03-02T02:00Z", "to": "2026-03-02T03:00Z"},
                                                               "401 403 403 403 404 404 403 403 409"),
    ("GET",    "/v1/queues/nope", None,                        "401 403 403 404 404 404 404 404 404"),
    ("GET",    "/v1/contacts/k-south", None,                   "401 403 403 404 404 404 403 200 403"),
    ("GET",    "/v1/contacts/nope", None,                      "401 403 403 404 404 404 403 404 403"),
    ("POST",   "/v1/contacts/k-south/pick-up", None,           "401 403 403 404 404 404 403 403 403"),
    ("POST",   "/v1/contacts/k-south/move", {"queue": "second"}, "401 403 403 403 404 404 403 403 403"),
    ("POST",   "/v1/contacts/k-south/monitor", {"mode": "listen", "phone": "1009"},
                                                               "401 403 403 403 404 404 403 403 403"),
    ("GET",    "/v1/users/u-ben", None,                        "401 403 403 403 404 403 403 200 200"),
    ("GET",    "/v1/users/nope", None,                         "401 403 403 403 404 403 403 404 404"),
    ("HEAD",   "/v1/users/u-ben", None,                        "401 403 403 403 404 403 403 200 200"),
]
# fmt: on

FILLED = {
    "callback_id": "nope", "notice_id": "nope", "blocked_id": "nope", "error_id": "not-found", "session_id": "nope",
    "user_id": "u-spare", "key_id": "nope", "team": "north", "call_id": "c-north", "name": "agents",
    "flow": "hotline", "agent": "1001", "contact": "k-north", "command": "hold", "skill": "billing",
    "queue": "service", "recording_id": "r-north", "lookup": "balance.get", "node": "n9", "feed": "daily",
    "chat": "nope", "webhook_id": "nope", "calendar": "nope", "customer": "nope", "shift": "s-north",
    "request_id": "nope",
}  # fmt: skip


@pytest.fixture(scope="module")
def staffed(platform: Platform) -> Platform:
    """``spare`` is of the north and there to be changed."""
    platform.office.person("norole")
    platform.office.person("spare", "agent@team:north")
    _, password = platform.services.accounts.add_user("new", [Grant(Role.ADMIN)], DEED)
    assert password is not None
    platform._tokens["new"] = platform.office.token("new", password)
    times = (("s-north", "1001"), ("s-south", "1002"))
    platform.store.accounts.schedules.add([Shift(id_, agent, NOW - 3600, NOW + 3600) for id_, agent in times], DEED)
    floor, legs = platform.floor, platform.legs
    for agent, user, team, contact in (("1001", "u-anna", "north", "k-north"), ("1002", "u-ben", "south", "k-south")):
        sit(floor, agent, user, team)
        come(floor, legs, contact)
        leg = floor.talks.find(contact).leg  # type: ignore[union-attr]
        floor.talks.leg_event(LegAnswered(leg))
        floor.talks.leg_event(LegsBridged(contact, leg))
    studio = Studio(platform.office, platform.shelf)
    for side, agent in (("north", "1001"), ("south", "1002")):
        studio.recorded(f"c-{side}", sound(0.1), agents=f"{agent}:{side}", name=f"r-{side}")
    return platform


def test_every_route_has_a_line_here_and_a_rule(platform: Platform) -> None:
    there = platform.app.served()
    assert sorted((method, template) for method, template, *_ in MATRIX) == there
    assert sorted((method, template) for template, methods in RULES.items() for method in methods) == there


def test_only_what_must_be_is_open() -> None:
    opened = {
        (method, path)
        for path, methods in RULES.items()
        for method, rule in methods.items()
        if rule.check is Check.OPEN
    }
    assert opened == {
        ("GET", "/healthz"),
        ("GET", "/metrics"),
        ("GET", "/problems/{error_id}"),
        ("GET", "/v1/openapi.json"),
        ("POST", "/v1/sessions"),
        ("POST", "/v1/sessions/refresh"),
    }


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("method", "template", "body", "expected"), MATRIX + OTHERS)
def test_each_is_answered_as_the_table_says(
    staffed: Platform, who: str, method: str, template: str, body: Any, expected: str
) -> None:
    path = template.format(**FILLED)
    if who == "nobody":
        answer = staffed.anybody.simulate_request(method, path, json=body)
    else:
        answer = staffed.do(who, method, path, body)
    assert answer.status_code == int(expected.split()[WHO.index(who)]), answer.text
    if answer.status_code in (401, 403, 404) and method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
    if method != "HEAD":
        described(staffed.app, method, template, answer)
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "template", "body", "expected"), MATRIX)
def test_a_switch_may_ask_for_its_phones_and_nothing_else(
    staffed: Platform, method: str, template: str, body: Any, expected: str
) -> None:
    answer = staffed.do("fs1", method, template.format(**FILLED), body)
    norole = int(expected.split()[WHO.index("norole")])
    assert answer.status_code == SWITCH.get((method, template), norole), answer.text


@pytest.mark.parametrize(("method", "template", "body", "expected"), MATRIX)
def test_a_gateway_may_relay_what_customers_write_and_nothing_else(
    staffed: Platform, method: str, template: str, body: Any, expected: str
) -> None:
    answer = staffed.do("web1", method, template.format(**FILLED), body)
    norole = int(expected.split()[WHO.index("norole")])
    assert answer.status_code == GATEWAY.get((method, template), norole), answer.text


@pytest.mark.parametrize(("method", "template", "body", "expected"), MATRIX)
def test_another_system_may_order_and_nothing_else(
    staffed: Platform, method: str, template: str, body: Any, expected: str
) -> None:
    answer = staffed.do("crm1", method, template.format(**FILLED), body)
    norole = int(expected.split()[WHO.index("norole")])
    assert answer.status_code == {("POST", "/v1/orders"): 400}.get((method, template), norole), answer.text


def test_every_role_is_in_the_table() -> None:
    assert {Grant.parse(grant).role for grant in PEOPLE.values()} == set(Role)
    assert all(len(expected.split()) == len(WHO) for *_, expected in MATRIX + OTHERS)


@pytest.mark.parametrize(
    ("who", "calls"),
    [("anna", ["c-north"]), ("ben", ["c-south"]), ("lead", ["c-north"]), ("root", ["c-south", "c-north", "c-nobodys"])],
)
def test_lists_show_what_is_ones_own_or_of_the_team(staffed: Platform, who: str, calls: list[str]) -> None:
    assert [item["call_id"] for item in staffed.do(who, "GET", "/v1/calls").json["items"]] == calls


def test_a_refusal_is_told_in_the_audit(staffed: Platform) -> None:
    staffed.do("anna", "GET", "/v1/users")
    staffed.do("lead", "GET", "/v1/users/u-ben")
    hidden, refused = staffed.store.accounts.audit.lines(limit=2)
    assert (refused.author.name, refused.action, refused.permission, refused.allowed, refused.reason) == (
        "anna", "GET /v1/users", "users.read", False, "no-permission"
    )  # fmt: skip
    assert (hidden.author.name, hidden.target, hidden.reason) == ("lead", "user:u-ben", "out-of-scope")


def test_a_one_time_password_opens_nothing_else_and_says_why(staffed: Platform) -> None:
    assert staffed.do("new", "GET", "/v1/users").json["error_id"] == "password-change-required"
