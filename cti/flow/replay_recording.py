"""The journal of a run, read back: what it was fed, when, and what it did then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cti.core import events as e
from cti.core.errors import CtiError
from cti.flow.replay_events import unpack, unpack_event
from cti.flow.replay_recorder import FORMAT
from cti.flow.replay_trace import Item

#: Stand-ins for secrets that died with their call, one key after the other; which one goes the same way is tried out.
STAND_INS = ("1234567890", "1357902468", "2468013579", "9876543210", "1111111111", "0000000000", "8888888888")


class NoRecording(CtiError):
    """There is nothing to replay: no journal, or one that this release cannot read."""

    code = "no-journal"


@dataclass(frozen=True, slots=True)
class Fed:
    """``at_us`` since the start, in microseconds; ``event`` None: the start. ``private``: a key that must not be
    shown, and ``lost`` one that nobody knows any more."""

    at_us: int
    event: e.Event | None
    items: tuple[Item, ...]
    private: bool = False
    lost: bool = False


@dataclass(frozen=True)
class Recording:
    flow: str
    version: str
    zone: tzinfo
    begun_us: int  # since the epoch
    inputs: Mapping[str, Any]
    visits: Mapping[str, int]
    steps: tuple[Fed, ...]  # the first is the start
    early: tuple[e.Event, ...] = ()  # fed before it

    def moment(self, at_us: int) -> datetime:
        exact = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.begun_us + at_us)
        return exact.astimezone(self.zone)

    @property
    def complete(self) -> bool:
        """The run went to its end. Otherwise the call is up, or its engine died."""
        return any(item[0] == "end" for step in self.steps for item in step.items)

    @property
    def lost_secrets(self) -> bool:
        return any(step.lost for step in self.steps)

    def with_stand_ins(self, keys: str) -> Recording:
        """The same with lost keys replaced: each entry of a secret begins again with the first of ``keys``."""
        steps: list[Fed] = []
        typed = 0
        for step in self.steps:
            over = any(item[0] in ("enter", "play") for item in step.items)
            if step.lost:
                key = keys[typed % len(keys)]
                event = e.DigitPressed(key) if isinstance(step.event, e.DigitPressed) else e.TextReceived(keys[:4])
                step = replace(step, event=event)
            typed = 0 if over else typed + step.lost
            steps.append(step)
        return replace(self, steps=tuple(steps))


def read_recording(entries: Iterable[Any], secrets: Mapping[str, str] | None = None) -> Recording:
    """Raises NoRecording."""
    entries = list(entries)
    if not entries or not isinstance(entries[0][1], dict):
        raise NoRecording("the call has no journal", remedy="only calls that a flow has met can be replayed")
    start = entries[0][1]
    if start.get("format") != FORMAT:
        raise NoRecording(
            f"the journal has format {start.get('format')!r}, this release reads {FORMAT}",
            remedy="replay it with the release that wrote it",
        )
    steps = [Fed(0, None, tuple(entries[0][2]))]
    try:
        steps += [_fed(entry, secrets or {}) for entry in entries[1:]]
    except KeyError as error:
        raise NoRecording(f"the journal holds an event that this release does not know ({error})") from None
    return Recording(
        flow=start["flow"],
        version=start["version"],
        zone=_zone(start["zone"]),
        begun_us=start["at"],
        inputs=unpack(start["inputs"]),
        visits=start["visits"],
        steps=tuple(steps),
        early=tuple(unpack_event(packed) for packed in start["early"]),
    )


def _fed(entry: list[Any], secrets: Mapping[str, str]) -> Fed:
    at_us, packed, items, private = entry
    hidden = packed[1].get("secret") if len(packed) > 1 and isinstance(packed[1], dict) else None
    if hidden is None:
        return Fed(at_us, unpack_event(packed), tuple(items), private=bool(private))
    known = secrets.get(hidden)
    return Fed(at_us, unpack_event([packed[0], known or ""]), tuple(items), private=True, lost=known is None)


def _zone(spelled: str | float) -> tzinfo:
    if isinstance(spelled, str):
        try:
            return ZoneInfo(spelled)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise NoRecording(f"the time zone {spelled!r} of the journal is not known here") from error
    return timezone(timedelta(seconds=spelled))
