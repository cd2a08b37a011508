"""What an agent writes about a contact: a disposition, notes, and values of the flow's variables put right.

Times are wall-clock seconds since the epoch. An agent's part of a contact, from the connection to the end of the work,
is a *handling*; it has one write-up, which is written as often as the agent likes; the last word holds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cti.core.errors import CtiError
from cti.core.masking import mask_text

CODE = r"^[a-z][a-z0-9_]{0,39}$"
NOTES_MAX, DISPOSITION_MAX = 4000, 40
VARIABLES_MAX, NAME_MAX, VALUE_MAX = 50, 64, 500
#: Who ended a handling whose engine died.
LOST = "engine_lost"
#: Parts of a write-up that an agent may send.
PARTS = ("disposition", "notes", "variables")

_CODE = re.compile(CODE)
_LAYOUT = "\n\t"  # control characters that notes are made of


class WrapUpRefused(CtiError):
    """``extension``: members of the problem beside the usual ones."""

    def __init__(self, code: str, message: str, extension: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, code=code)
        self.extension = dict(extension or {})


@dataclass(frozen=True, slots=True)
class Dispositions:
    """Of a queue: ``codes``, code -> title, as they are offered to agents; ``required``: work is not done without."""

    codes: Mapping[str, str] = field(default_factory=dict)
    required: bool = False

    def listed(self) -> list[dict[str, str]]:
        return [{"code": code, "title": title} for code, title in self.codes.items()]

    def check(self, code: str | None) -> None:
        """Raises WrapUpRefused (unknown-disposition), with the list."""
        if code is not None and code not in self.codes:
            known = ", ".join(self.codes) or "none"
            told = code if _CODE.match(code) else ascii(code[:DISPOSITION_MAX])
            raise WrapUpRefused(
                "unknown-disposition", f"{told} is none of this queue's: {known}", {"dispositions": self.listed()}
            )

    def require(self, code: str | None) -> None:
        """At the end of the work. Raises WrapUpRefused (disposition-required), with the list."""
        if self.required and code is None:
            raise WrapUpRefused(
                "disposition-required", "the work is not done without one", {"dispositions": self.listed()}
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUp:
    """``disposition`` None: none was given. ``variables``: name -> what the agent put in the place of the flow's value
    (a text, number or truth value). ``version`` counts how often it was written, 0: never. ``notes`` and ``variables``
    are *sensitive*."""

    disposition: str | None = None
    notes: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    at: float = 0.0

    def written(self, parts: Mapping[str, Any], at: float) -> WrapUp:
        """With ``parts`` (some of `PARTS`, checked) in the place of its own; a variable that is None is taken back."""
        edits = {**self.variables, **parts.get("variables", {})}
        return replace(
            self,
            disposition=parts.get("disposition", self.disposition),
            notes=parts.get("notes", self.notes),
            variables={name: value for name, value in edits.items() if value is not None},
            version=self.version + 1,
            at=at,
        )

    def shown(self, *, unmask: bool = False) -> dict[str, Any]:
        """For a person: numbers and addresses in what the agent wrote are masked unless asked otherwise."""
        return shown_parts(self.disposition, self.notes, self.variables, unmask=unmask)


def shown_parts(
    disposition: str | None, notes: str, variables: Mapping[str, Any], *, unmask: bool = False
) -> dict[str, Any]:
    return {
        "disposition": disposition,
        "notes": notes if unmask else mask_text(notes),
        "variables": {
            name: value if unmask or not isinstance(value, str) else mask_text(value)
            for name, value in variables.items()
        },
    }


def check_text(text: str, what: str, limit: int, *, lines: bool = False) -> str:
    """``text``, with line ends as LF where ``lines`` are allowed. Raises WrapUpRefused (bad-text): too long, control
    characters, halves of characters."""
    if lines:
        text = text.replace("\r\n", "\n")
    if len(text) > limit:
        raise WrapUpRefused("bad-text", f"{what} has more than {limit} characters")
    allowed = _LAYOUT if lines else ""
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in allowed for char in text):
        raise WrapUpRefused("bad-text", f"{what} has control characters")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpKept:
    """A write-up for the store, as it is now: recorded at each change and, completed (``ended_at``), at the end of the
    handling; the higher ``version`` holds. ``worker`` and ``run`` as in `cti.core.floor_records`. ``ended_by``: agent,
    timer, sign_out. ``notes`` and ``variables`` are *sensitive*."""

    handling_id: str
    worker: str
    run: str
    contact: str
    call_id: str
    agent: str
    queue: str
    medium: str
    version: int
    at: float
    disposition: str | None = None
    notes: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    ended_at: float | None = None
    ended_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpRow:
    """A kept write-up. ``at``: when it was written last; ``ended_at`` None: the agent is still at it. ``ended_by``:
    agent, timer, sign_out, engine_lost. Masked unless asked otherwise."""

    call_id: str
    contact: str
    agent: str
    queue: str
    medium: str
    at: float
    disposition: str | None
    notes: str
    variables: Mapping[str, Any]
    ended_at: float | None
    ended_by: str
