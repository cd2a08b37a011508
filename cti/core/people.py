"""Users, their teams, and what the platform knows of those who handle contacts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cti.core.access.principal import Grant
from cti.core.errors import CtiError

LEVELS = range(1, 11)
#: The same names as `cti.acd.model.Slot`, which distribution goes by.
SLOTS = ("call", "chat", "sms", "fax")
CAPACITY_MAX = 20
WRAPUP_MAX_S = 3600.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PHONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}|\+?[0-9]{2,20}")
EXTENSION = re.compile(r"[0-9]{2,8}")
TITLE_MAX = 100


class RemoteAnswer(StrEnum):
    """How an agent's phone can be made to answer by the platform."""

    NONE = "none"  # the agent takes up the phone; `answer` is refused with phone_cannot_answer
    PERMANENT_LEG = "permanent_leg"  # the leg to the agent stays open, contacts are bridged to it
    AUTO_ANSWER = "auto_answer"  # the phone heeds a header of the INVITE (Call-Info: answer-after=0)
    TALK_EVENT = "talk_event"  # the phone answers at a NOTIFY with Event: talk


class UserKind(StrEnum):
    PERSON = "person"
    MACHINE = "machine"  # comes in with API keys only, has no password


@dataclass(frozen=True, slots=True)
class User:
    """``name`` is what one signs in with, ``title`` what others see. Times in seconds since the epoch."""

    user_id: str
    name: str
    title: str = ""
    kind: UserKind = UserKind.PERSON
    grants: tuple[Grant, ...] = ()
    disabled_at: float | None = None
    created_at: float = 0.0
    password_at: float | None = None  # when the password was set; None: there is none
    one_time_until: float | None = None  # the password is a one-time one, good until then


@dataclass(frozen=True, slots=True)
class Team:
    team: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class AgentProfile:
    """``skills``: skill -> level 1 to 10. ``phone``: extension or number. ``name`` is what others see of the agent.

    ``capacity``: slot -> contacts at once; ``beside_call``: slots that stay open during a call. A slot is what one has
    hands for: calls of every kind share one. ``wrapup_s`` holds where a queue says nothing else.
    """

    agent_id: str
    user_id: str
    name: str
    team: str
    skills: Mapping[str, int] = field(default_factory=dict)
    capacity: Mapping[str, int] = field(default_factory=lambda: {"call": 1})
    beside_call: frozenset[str] = frozenset()
    phone: str = ""
    remote_answer: RemoteAnswer = RemoteAnswer.NONE
    wrapup_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PhoneAccount:
    """A phone that registers at a switch of ours. ``number``: what it registers as and is dialled by. ``secret``: its
    password in clear."""

    number: str
    name: str
    secret: str = field(repr=False)


def is_extension(phone: str) -> bool:
    """A phone of the house, which registers; anything else is reached over trunks."""
    return EXTENSION.fullmatch(phone) is not None


def check_name(name: str, what: str) -> str:
    """``name``, or CtiError (bad-name)."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CtiError(
            f"{what} {str(name)[:80]!r} cannot be used",
            code="bad-name",
            remedy="letters, digits, dot, hyphen and underscore of ASCII, 64 at most, beginning with a letter or digit",
        )
    return name


def check_title(title: str) -> str:
    if len(title) > TITLE_MAX or not title.isprintable():
        raise CtiError(
            "this title cannot be used", code="bad-title", remedy=f"printable characters, {TITLE_MAX} at most"
        )
    return title


def check_skills(skills: Mapping[str, int]) -> Mapping[str, int]:
    """Raises CtiError (bad-name, bad-level)."""
    for skill, level in skills.items():
        check_name(skill, "skill")
        if isinstance(level, bool) or level not in LEVELS:
            raise CtiError(f"level {level!r} of skill {skill} is not from 1 to 10", code="bad-level")
    return skills


def check_profile(profile: AgentProfile) -> AgentProfile:
    """Raises CtiError: bad-name, bad-title, bad-level, bad-phone, bad-capacity, bad-wrapup."""
    check_name(profile.agent_id, "agent id")
    check_name(profile.team, "team")
    check_title(profile.name)
    check_skills(profile.skills)
    if profile.phone and not _PHONE.fullmatch(profile.phone):
        raise CtiError(
            "this phone cannot be used", code="bad-phone", remedy="an extension such as 1001, or a number of digits"
        )
    known = ", ".join(SLOTS)
    for slot in (*profile.capacity, *profile.beside_call):
        if slot not in SLOTS:
            raise CtiError(f"there is no slot {slot[:80]!r}", code="bad-capacity", remedy=f"the slots are {known}")
    for slot, most in profile.capacity.items():
        if isinstance(most, bool) or not 0 <= most <= CAPACITY_MAX:
            raise CtiError(f"capacity {slot}: {most} is not from 0 to {CAPACITY_MAX}", code="bad-capacity")
    if not 0 <= profile.wrapup_s <= WRAPUP_MAX_S:
        raise CtiError(f"wrap-up of {profile.wrapup_s} s is not from 0 to {WRAPUP_MAX_S:g} s", code="bad-wrapup")
    return profile


def grants_text(grants: Iterable[Grant]) -> list[str]:
    return sorted(str(grant) for grant in grants)
