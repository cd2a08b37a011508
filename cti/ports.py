"""What the runtime needs from the outside, as Protocols. Adapters below implement them; `cti.app` joins the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from cti.core.calls import NewCall
from cti.core.commands import AudioPart
from cti.core.events import Event, LookupEnded


class Clock(Protocol):
    """Wall time for records, monotonic time for intervals; both in seconds."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...


class CallSink(Protocol):
    """Where a switch adapter puts what it learns. Called on the adapter's greenlets; must return at once."""

    def call_arrived(self, call: NewCall) -> None: ...

    def call_event(self, uuid: str, event: Event) -> None:
        """An event of a known or unknown call; unknown ones are counted and dropped."""

    def answered(self, uuid: str) -> None: ...

    def switch_up(self, switch: str, restarted: bool, live: Mapping[str, NewCall]) -> None:
        """Links are up (again). ``restarted``: another Core-UUID, earlier calls are gone. ``live``: ours, still up."""

    def switch_down(self, switch: str, reason: str) -> None: ...


class Switch(Protocol):
    """Call control on one switch. Every method returns at once; outcomes come to the `CallSink` as events.

    A command for a channel that is gone is not an error here: the hang-up event is the answer.
    ``audio`` holds playback arguments made by `Prompts.locate`.
    """

    name: str

    def answer(self, uuid: str) -> None: ...

    def play(self, uuid: str, ref: int, audio: Sequence[str]) -> None: ...

    def stop_play(self, uuid: str, ref: int) -> None: ...

    def transfer(self, uuid: str, ref: int, kind: str, target: str, timeout_s: float) -> None: ...

    def record(self, uuid: str, ref: int, path: str, max_s: float, silence_s: float) -> None: ...

    def stop_record(self, uuid: str, ref: int) -> None: ...

    def hangup(self, uuid: str, cause: str) -> None: ...


class Prompts(Protocol):
    """Turns parts of a prompt into playback arguments for the switch."""

    def locate(self, parts: Sequence[AudioPart], deadline_s: float) -> list[str]:
        """May block (rendering) up to ``deadline_s``; raises CtiError when a part cannot be had."""

    def discard_call(self, uuid: str) -> None:
        """Delete what was rendered for one call."""


class LookupSource(Protocol):
    """The back office. Blocks up to ``deadline_s``; never raises for a business outcome."""

    def ask(self, source: str, arguments: Mapping[str, Any], deadline_s: float) -> LookupEnded:
        """Answer with ``ref`` 0; the runtime fills in the command's."""


class Store(Protocol):
    """Records of calls. All methods return at once (writes are queued in order and grouped); reads block."""

    def call_started(self, call_id: str, record: Mapping[str, Any]) -> None: ...

    def leg_added(self, call_id: str, record: Mapping[str, Any]) -> None: ...

    def node_entered(self, call_id: str, record: Mapping[str, Any]) -> None: ...

    def node_left(self, call_id: str, record: Mapping[str, Any]) -> None: ...

    def call_ended(self, call_id: str, record: Mapping[str, Any]) -> None: ...

    def list_calls(
        self, *, limit: int, before: str | None = None, where: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]: ...

    def find_call(self, call_id: str) -> dict[str, Any] | None: ...

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything queued so far is on disk; False at the deadline."""


EventSink = Callable[[str, Mapping[str, Any]], None]
