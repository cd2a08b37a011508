"""What an agent may do with a contact at hand: activity × command, published by ``/v1/states``.

The activity is finer than the contact's state: it tells the two sides of a consultation apart. The desk looks up here
first, so that what clients are told is what holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.states import Cell, ContactState
from cti.runtime.floor.talk import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.acd.cases import Case
    from cti.runtime.floor.talk import Talk

COMMANDS = (
    "answer", "reject", "hangup", "hold", "retrieve", "mute", "dtmf", "consult", "complete", "return", "conference",
    "drop", "transfer", "park", "pause-recording", "assist", "extend", "finish",
)  # fmt: skip
#: To write about the contact: ``PATCH /v1/me/contacts/{contact}/wrapup``.
WRAPUP = "wrapup"
#: The event in which the effect of a command is seen.
EVENT_OF = {
    **dict.fromkeys(COMMANDS, "contact.activity_changed"),
    "reject": "offer.ended",
    "mute": "",
    "dtmf": "",
    "pause-recording": "",
    "assist": "contact.assist",
    "extend": "contact.state_changed",
    "finish": "contact.closed",
    WRAPUP: "contact.wrapup_changed",
}
_WORK = {"extend": "!not-in-work", "finish": "!not-in-work"}
_NOBODY = dict.fromkeys(("complete", "return", "conference", "drop"), "!not-consulting")
_NO_TALK = {**dict.fromkeys(COMMANDS, "!not-talking"), "answer": "!not-offered", "reject": "!offer-over", **_WORK}


def _talk(**answers: str) -> dict[str, str]:
    return {**_NO_TALK, **{name.rstrip("_").replace("_", "-"): answer for name, answer in answers.items()}}


def _in_talk(activity: str, **answers: str) -> dict[str, str]:
    """What is possible as long as agent and customer have each other."""
    here = dict.fromkeys(("mute", "dtmf", "pause_recording", "assist"), activity)
    return _talk(**{"hangup": "work", "transfer": "work", "park": "work", **here, **answers})


_ROWS: Mapping[str, Mapping[str, str]] = {
    "ringing": _talk(answer="connecting", reject="queued"),
    "connecting": _NO_TALK,
    "placing": _talk(answer="dialling", hangup="closed"),
    "dialling": _talk(hangup="closed"),
    "talking": _in_talk("talking", hold="held", retrieve="!not-held", consult="consult_ringing") | _NOBODY,
    "holding": _NO_TALK,
    "held": _in_talk("held", retrieve="talking", consult="consult_ringing") | _NOBODY,
    "consult_ringing": _in_talk(
        "consult_ringing", retrieve="!consulting", consult="!consulting", complete="!consult-not-answered",
        return_="talking", conference="!consult-not-answered", drop="!no-conference",
    ),
    "consulting": _in_talk(
        "consulting", retrieve="!consulting", consult="!consulting", complete="work", return_="talking",
        conference="conference", drop="!no-conference",
    ),
    "conference": _in_talk(
        "conference", hold="!in-conference", retrieve="!not-held", consult="!consulting", complete="!in-conference",
        return_="talking", conference="!in-conference", drop="talking", transfer="!in-conference",
        park="!in-conference",
    ),
    "ending": _NO_TALK,
    "work": {**dict.fromkeys(COMMANDS, "!contact-over"), "extend": "work", "finish": "closed"},
}  # fmt: skip

_NOT_YET = ("ringing", "connecting", "placing", "dialling")  # no write-up before there is a talk

AT_HAND: Mapping[tuple[str, str], Cell] = {
    (activity, command): Cell(error=answer[1:]) if answer.startswith("!") else Cell(to=answer)
    for activity, answers in _ROWS.items()
    for command, answer in {**answers, WRAPUP: "!not-talking" if activity in _NOT_YET else activity}.items()
}

_BY_STAGE = {
    Stage.RINGING: "ringing",
    Stage.TELLING: "connecting",
    Stage.JOINING: "connecting",
    Stage.TALKING: "talking",
    Stage.HOLDING: "holding",
    Stage.HELD: "held",
    Stage.CONFERENCE: "conference",
    Stage.PARTING: "ending",
    Stage.OVER: "ending",
}
_BY_STATE = {
    ContactState.QUEUED: "queued",
    ContactState.RESERVED: "ringing",
    ContactState.TALKING: "talking",
    ContactState.HOLD: "held",
    ContactState.WORK: "work",
    ContactState.CLOSED: "closed",
}


def activity_of(case: Case, talk: Talk | None) -> str:
    """``talk``: None where there is no phone: the contact's state alone tells. What an agent dials is `placing` while
    the agent's own phone rings, then `dialling`."""
    if case.parked and case.state is ContactState.QUEUED:
        return "parked"
    if talk is None or case.state in (ContactState.QUEUED, ContactState.WORK):
        return _BY_STATE[case.state]
    if talk.stage is Stage.HELD and talk.consult is not None:
        return "consulting" if talk.consult.stage is Stage.TALKING else "consult_ringing"
    if talk.placed and talk.stage in (Stage.RINGING, Stage.TELLING, Stage.JOINING):
        return "placing" if talk.stage is Stage.RINGING else "dialling"
    return _BY_STAGE[talk.stage]


def allowed(activity: str, remote_answer: str) -> list[str]:
    """Commands that are not refused. ``remote_answer``: of the agent's phone."""
    no_talk = Cell(error="not-talking")
    found = [command for command in (*COMMANDS, WRAPUP) if not AT_HAND.get((activity, command), no_talk).error]
    return [command for command in found if command != "answer" or remote_answer != "none"]
