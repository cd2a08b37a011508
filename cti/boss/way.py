"""What a way to a back office is (socket, Tuxedo, interface tables, files, HTTP, SQL): one `WayKind` each, in
`cti/boss/ways`.

A way carries one question to one back end and brings the answer's fields. It knows nothing of subscribers, caches or
breakers: those are the interface server's (`cti.boss.server`), the same for every way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field

from cti.core.targets import ANYWHERE, TargetRules
from cti.ports import RequestFiles
from cti.validating import Section

#: How a question to a back end can fail. ``unknown`` is made of the others by the server: for a write that was sent.
Failure = Literal["timeout", "error", "throttled", "rejected"]

#: A field of the answer by which a way itself tells the outcome of the business: no row is ``not_found``.
OUTCOME = "$outcome"


#: Reason of a question that is kept and goes its way, and has no answer yet: of nobody's illness.
AWAITED = "awaited"


class WayError(Exception):
    """The question was not answered.

    ``reason``: a stable code for screens, logs and counters, such as ``refused``, ``reset``, ``bad-length``,
    ``bad-checksum``; never data. ``sent``: may the back end have got it? False only where it certainly has not.
    """

    def __init__(self, outcome: Failure, reason: str, *, sent: bool) -> None:
        super().__init__(f"{outcome}: {reason}")
        self.outcome, self.reason, self.sent = outcome, reason, sent


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to be asked or written.

    ``target``: the way's own part of the route's target (`WayKind.Target`). ``fields``: the back end's names and our
    values (text, int, Decimal, bool, date, time, datetime, None; telephone numbers are texts). ``key``: names a write,
    None for a read. ``deadline``: on the monotonic clock, in seconds. ``judge``: the outcome that an answer's fields
    mean (raises WayError where they do not fit); a way that can take a write back asks it before the write is final,
    and takes back what is not ok. ``waits``: does somebody wait for the answer? Else a way whose answers take minutes
    ends with `AWAITED` as soon as the question is sure to go, and is asked again by and by.
    """

    target: Any
    fields: Mapping[str, Any]
    key: str | None
    deadline: float
    judge: Callable[[Mapping[str, Any]], str] | None = None
    waits: bool = True


class Way(Protocol):
    """An open connector to one back end, used by many greenlets at once."""

    def ask(self, question: Question) -> Mapping[str, Any]:
        """The answer's fields: a tree of dicts, lists and plain values, for ``take`` and ``errors``.

        Blocks this greenlet, never the hub. Raises WayError and nothing else. Ends when the work has ended, by the
        deadline wherever the work can be stopped: the caller's own patience and the count of what runs at once are
        kept outside, and where a thread hangs, this hangs with it.
        """

    def probe(self, deadline: float) -> None:
        """Is the back end there, and does it let us in? Raises WayError."""

    def facts(self) -> Mapping[str, int | float | str]:
        """What an operator sees of it: connections, what waits. No personal data."""

    def close(self) -> None:
        """No thread, process, socket or greenlet is left behind that can be ended."""


class TargetOptions(Section):
    """What a route's target says besides ``backend`` and what the way adds.

    Paths such as ``BALANCE[0]`` or ``body.account.balance`` lead into the answer's fields (`cti.boss.mapping`).
    """

    send: dict[str, str | dict[str, str]] = Field(
        default_factory=dict, description="their field -> our input, `key`, or {const: text}; default: inputs as named"
    )
    take: dict[str, str] = Field(default_factory=dict, description="our output -> a path; default: the same name")
    code: str | None = Field(None, description="path to the code that tells how it went")
    good: tuple[str, ...] = Field((), description="codes that mean ok; default: any that `errors` does not name")
    errors: dict[str, str] = Field(default_factory=dict, description="code -> outcome, such as not_found")
    within_ms: int | None = Field(
        None,
        ge=1,
        le=600_000,
        description="how long it has where another target follows; default: two thirds of what is left",
    )
    idempotent: bool = Field(False, description="of a write: it takes the same key once, so that asking again is right")


@dataclass(frozen=True, slots=True)
class Outbox:
    """Where ways keep what goes later, one for each process. ``worker`` names it the same at every start. ``now``: wall
    clock. ``zone``: of dates in names. ``sends`` False: beside an engine, which sends what is put here. ``at_work``:
    back ends for which something is being sent."""

    files: RequestFiles
    worker: str
    now: Callable[[], float]
    zone: tzinfo = UTC
    sends: bool = True
    at_work: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a way may need of the house. ``name``: the back end's. ``folder``: from which relative paths of its options
    count. ``at_once``: questions that it may get at the same time. ``outbox`` None: nothing can be kept.
    ``targets``: where it may connect to (`cti.boss.ways.reach`)."""

    name: str
    folder: Path
    at_once: int = 16
    outbox: Outbox | None = None
    targets: TargetRules = ANYWHERE


@dataclass(frozen=True, slots=True)
class Carried:
    """What a target's question will bring. ``fields``: names of `Question.fields`. ``write``: is it a request?"""

    fields: frozenset[str]
    write: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """``path``: into the mapping that was read, as pydantic's ``loc``."""

    path: tuple[str | int, ...]
    code: str
    message: str


class WayKind(Protocol):
    """A way as configuration knows it. ``Backend``: options of ``backends.<name>`` besides the common ones; ``Target``:
    a subclass of `TargetOptions`."""

    name: str
    Backend: type[Section]
    Target: type[TargetOptions]

    def prove_backend(self, backend: Any) -> Iterable[Finding]:
        """What no schema can tell: a length field that is no header, a charset that does not exist."""

    def prove_target(self, backend: Any, target: Any, carried: Carried) -> Iterable[Finding]:
        """Does the back end have this message, service, table? Are the fields of ``send`` and ``take`` its own?"""

    def service(self, target: Any) -> str:
        """What of the back end has a breaker of its own: the message, the service, the table."""

    def open(self, backend: Any, around: Surroundings) -> Way:
        """Open it. A back end that is down now is no error. Raises ConfigError for what can never work."""
