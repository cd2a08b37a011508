"""``/v1/me/contacts``: what an agent does with the contact at hand.

200 with the new state once the switch has confirmed it; 202 with a ``command_id`` when it has not within 5 s, and the
event ``command.ended`` tells the ending; 409 with the error id of the table (``GET /v1/states``) otherwise.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.my_wrapups import parts_of
from cti.api.once import Once
from cti.api.paging import PAGED, known_only, page_of
from cti.api.problems import Problem
from cti.api.targets import audited, target_of
from cti.core.access import Permission
from cti.core.wrapups import PARTS
from cti.runtime.floor.actions import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.api.guard import Access
    from cti.api.targets import Targets
    from cti.api.work import Work

DIGITS_MAX, NOTE_MAX = 64, 200
EXTEND_MAX_S = 3600
#: Commands that take something; the others take no body.
TAKES = {
    "mute": ("on",),
    "dtmf": ("digits",),
    "consult": ("to",),
    "transfer": ("to",),
    "pause-recording": ("on",),
    "assist": ("on", "note"),
    "extend": ("seconds",),
    "finish": PARTS,
}


class MyContacts:
    """``GET``: the contacts at hand."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        agent = self._work.agent_of(req).agent_id
        shown = self._work.shown(agent)["contacts"]
        found, following = page_of(req, shown, lambda one: f"{one['began_at']}~{one['contact']}")
        resp.media = {"items": found, "next": following}

    on_head = on_get


class MyContactCommand:
    """``POST /v1/me/contacts/{contact}/{command}``: one of `COMMANDS`."""

    def __init__(self, work: Work, targets: Targets) -> None:
        self._work, self._targets = work, targets
        self._once: Once[tuple[int, dict[str, Any]]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, contact: str, command: str) -> None:
        if command not in COMMANDS:
            raise Problem("not-found", f"no command {command[:40]!r}; there are {', '.join(COMMANDS)}")
        body = json_body(req) if command in TAKES or req.content_length else {}
        only(body, *TAKES.get(command, ()))
        agent, access = self._work.seated(req).agent_id, access_of(req)
        do = self._work_of(access, agent, contact, command, body)

        def order() -> tuple[int, dict[str, Any]]:
            with audited(access, Permission.CONTACTS_HANDLE, f"contact:{contact[:64]}"):
                late = self._work.floor.orders.do(agent, contact, command, do)
            shown = self._work.contact(agent, contact)
            return (202, {"command_id": late, **shown}) if late else (200, shown)

        resp.status, resp.media = self._once.do(req, body, order)

    def _work_of(
        self, access: Access, agent: str, contact: str, command: str, body: dict[str, Any]
    ) -> Callable[[], None]:
        """Raises Problem for what the body lacks."""
        desk, orders = self._work.floor.desk_of(contact), self._work.floor.orders
        match command:
            case "mute":
                return partial(desk.mute, agent, contact, _flag(body, "on"))
            case "dtmf":
                return partial(desk.send_dtmf, agent, contact, text_field(body, "digits", limit=DIGITS_MAX))
            case "consult" | "transfer":
                wanted, act = target_of(body), desk.consult if command == "consult" else desk.transfer

                def third() -> None:
                    target = self._targets.resolve(access, wanted)
                    act(agent, contact, target.kind, target.name)

                return third
            case "pause-recording":
                return partial(desk.pause_recording, agent, contact, _flag(body, "on"))
            case "assist":
                note = text_field(body, "note", limit=NOTE_MAX, default="")
                return partial(orders.assist, agent, contact, _flag(body, "on"), note)
            case "extend":
                return partial(desk.extend_work, agent, contact, _seconds(body))
            case "finish":
                return partial(orders.finish, agent, contact, parts_of(body, *PARTS))
        plain = {
            "answer": desk.answer, "reject": desk.reject, "hangup": desk.hang_up, "hold": desk.hold,
            "retrieve": desk.retrieve, "complete": desk.complete, "return": desk.return_,
            "conference": desk.conference, "drop": desk.drop, "park": desk.park,
        }  # fmt: skip
        return partial(plain[command], agent, contact)


def _flag(body: dict[str, Any], name: str) -> bool:
    if not isinstance(body.get(name), bool):
        raise Problem("bad-request", f"{name} must be true or false")
    return bool(body[name])


def _seconds(body: dict[str, Any]) -> float:
    value = body.get("seconds")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= EXTEND_MAX_S:
        raise Problem("bad-request", f"seconds must be a number from 0 to {EXTEND_MAX_S}")
    return float(value)
