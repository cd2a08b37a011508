"""A snapshot's body: JSON, with the number of its format in front. Pure.

``run`` is `Run.state`. Beside it stands what the runtime needs: the commands whose ending is awaited, as they were
given, so that they can be begun again; when timers are due; what the call's record has so far; the stay in a queue.
Monotonic times count from the machine's start, so they hold for another process as long as ``boot`` is the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from cti.core import commands as c
from cti.core.errors import CtiError
from cti.flow.replay_events import pack, unpack
from cti.flow.runcall import BY_TEXT

FORMAT = 1
#: Between machines the wall clocks tell how long a gap was; no more than this is believed.
LONGEST_GAP_S = 3600.0
#: Commands that a later engine begins again when their ending is still awaited.
KEPT_WORK: tuple[type[Any], ...] = (
    c.Play,
    c.Lookup,
    c.Request,
    c.FindNotices,
    c.Transfer,
    c.EnterQueue,
    c.RequestCallback,
    c.Record,
    c.SendFax,
    c.ReceiveFax,
    c.PlayVideo,
    c.Listen,
    c.SendMessage,
)
_PACKED: frozenset[type[Any]] = frozenset((*KEPT_WORK, c.Say, c.Pause, c.Sound, c.Tone))
_BY_NAME: Mapping[str, type[Any]] = {kind.__name__: kind for kind in _PACKED}


class SnapshotUnreadable(CtiError):
    """Not what `dump` gave, or in a format of another release."""

    code = "snapshot-unreadable"


@dataclass(frozen=True, slots=True)
class Instant:
    """``boot``: of the machine's start, empty when unknown."""

    wall: float
    monotonic: float
    boot: str = ""

    def seconds_since(self, then: Instant) -> float:
        """Never less than none. On one machine the wall clock has no say."""
        if self.boot and self.boot == then.boot:
            return max(0.0, self.monotonic - then.monotonic)
        return min(max(0.0, self.wall - then.wall), LONGEST_GAP_S)

    def ahead_of(self, then: Instant) -> float:
        """How far the monotonic clock of now is ahead of that one, as far as is known: not at all on one machine."""
        if self.boot and self.boot == then.boot:
            return 0.0
        return self.monotonic - self.seconds_since(then) - then.monotonic


@dataclass(frozen=True, slots=True)
class Saved:
    """``run_at``: the run's own time then, seconds since the epoch. ``timers``: reference -> due (monotonic).
    ``silent``: [since (monotonic), paused]. ``call``: who calls or writes whom, where the switch may not be able to
    tell (`cti.runtime.durable.saver.CallSaver`). ``stay``: in a queue, see `cti.runtime.floor.stays`; None: in none.
    ``owner``: the worker that wrote it. ``replies``: (key, text) of those that are on their way to whoever writes."""

    at: Instant
    flow: str
    version: str
    run_at: float
    run: Mapping[str, Any]
    work: Mapping[int, Any] = field(default_factory=dict)
    timers: Mapping[int, float] = field(default_factory=dict)
    ending: Mapping[str, Any] = field(default_factory=dict)
    log: Mapping[str, Any] = field(default_factory=dict)
    silent: tuple[float, bool] = (0.0, False)
    stay: Mapping[str, Any] | None = None
    call: Mapping[str, Any] | None = None
    owner: str = ""
    replies: Sequence[tuple[str, str]] = ()

    @property
    def by_text(self) -> bool:
        return self.run.get("medium") in BY_TEXT


def dump(saved: Saved, run: bytes) -> bytes:
    """``run``: `Run.dump`, which is taken over as it is; ``saved.run`` is not looked at."""
    told: dict[str, Any] = {
        "format": FORMAT,
        "at": [saved.at.wall, saved.at.monotonic, saved.at.boot],
        "flow": saved.flow,
        "version": saved.version,
        "run_at": saved.run_at,
        "work": [_pack(work) for work in saved.work.values()],
        "timers": list(saved.timers.items()),
        "ending": saved.ending,
        "log": saved.log,
        "silent": list(saved.silent),
        "stay": saved.stay,
        "call": saved.call,
        "owner": saved.owner,
        **({"replies": saved.replies} if saved.replies else {}),
    }
    try:
        return orjson.dumps({**told, "run": orjson.Fragment(run)})
    except orjson.JSONEncodeError:  # half of a surrogate pair, see `cti.flow.runstate.to_text`
        return json.dumps({**told, "run": json.loads(run)}).encode()


def load(body: bytes) -> Saved:
    """Raises SnapshotUnreadable."""
    try:
        told = _read(body)
        if told["format"] != FORMAT:
            raise SnapshotUnreadable(
                f"a snapshot of format {told['format']!r}; this release reads {FORMAT}",
                remedy="let calls end before going to a release that reads another format",
            )
        work = {one.ref: one for one in map(_unpack, told["work"])}
        return Saved(
            at=Instant(*told["at"]),
            flow=told["flow"],
            version=told["version"],
            run_at=told["run_at"],
            run=told["run"],
            work=work,
            timers={int(ref): float(due) for ref, due in told["timers"]},
            ending=told["ending"],
            log=told["log"],
            silent=(float(told["silent"][0]), bool(told["silent"][1])),
            stay=told["stay"],
            call=told.get("call"),
            owner=told.get("owner", ""),
            replies=tuple((str(key), str(text)) for key, text in told.get("replies", ())),
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise SnapshotUnreadable(f"a snapshot that cannot be read ({type(error).__name__})") from error


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body)


def _pack(value: Any) -> Any:
    if type(value) in _PACKED:
        return {"$": type(value).__name__, "v": [_pack(getattr(value, one.name)) for one in fields(value)]}
    if isinstance(value, tuple | list):
        return {"$": "list", "v": [_pack(item) for item in value]}
    if isinstance(value, Mapping):
        return {"$": "record", "v": {str(name): _pack(item) for name, item in value.items()}}
    return pack(value)


def _unpack(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    kind = _BY_NAME.get(data["$"])
    if kind is not None:
        return kind(*(_unpack(value) for value in data["v"]))
    match data["$"]:
        case "list":
            return tuple(_unpack(item) for item in data["v"])
        case "record":
            return {name: _unpack(item) for name, item in data["v"].items()}
    return unpack(data)
