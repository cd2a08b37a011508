"""What an agent may do with a contact that is written: activity × command, published by ``/v1/states``.

`message` is ``POST /v1/me/contacts/{contact}/messages``; every other command goes by its name. A fax is read, not
answered: it takes no `message`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.states import Cell
from cti.runtime.floor.actions import COMMANDS, WRAPUP

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT_COMMANDS = ("answer", "reject", "message", "hangup", "transfer", "extend", "finish", WRAPUP)
#: The event in which the effect of a command is seen.
TEXT_EVENT_OF = {
    **dict.fromkeys(TEXT_COMMANDS, "contact.activity_changed"),
    "reject": "offer.ended",
    "message": "message.sent",
    "extend": "contact.state_changed",
    "finish": "contact.closed",
    WRAPUP: "contact.wrapup_changed",
}
_NOT = dict.fromkeys(COMMANDS, "!not-by-text")
_ROWS: Mapping[str, Mapping[str, str]] = {
    "ringing": {
        **_NOT, "answer": "talking", "reject": "queued", "message": "!not-talking", "hangup": "!not-talking",
        "transfer": "!not-talking", "extend": "!not-in-work", "finish": "!not-in-work", WRAPUP: "!not-talking",
    },
    "talking": {
        **_NOT, "answer": "!not-offered", "reject": "!offer-over", "message": "talking", "hangup": "work",
        "transfer": "work", "extend": "!not-in-work", "finish": "!not-in-work", WRAPUP: "talking",
    },
    "work": {**dict.fromkeys((*COMMANDS, "message"), "!contact-over"), "extend": "work", "finish": "closed",
             WRAPUP: "work"},
}  # fmt: skip

TEXT_AT_HAND: Mapping[tuple[str, str], Cell] = {
    (activity, command): Cell(error=answer[1:]) if answer.startswith("!") else Cell(to=answer)
    for activity, answers in _ROWS.items()
    for command, answer in answers.items()
}


def allowed_by_text(activity: str, medium: str) -> list[str]:
    """Commands that are not refused."""
    found = [c for c in TEXT_COMMANDS if not TEXT_AT_HAND.get((activity, c), Cell(error="not-talking")).error]
    return [command for command in found if command != "message" or medium != "fax"]
