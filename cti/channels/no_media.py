"""A switch without a telephone: whatever needs one fails at once, so that a flow goes on by its other exits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cti.core import events as ev

if TYPE_CHECKING:
    from cti.core.calls import HandOver
    from cti.ports import CallSink


class NoMedia:
    """What `cti.ports.Switch` asks besides ``name`` and ``hangup``: nothing can be heard, rung, recorded or faxed."""

    up = True

    def __init__(self, sink: CallSink) -> None:
        self._sink = sink

    def transfer(
        self, uuid: str, ref: int, kind: str, target: str, timeout_s: float, told: HandOver | None = None
    ) -> None:
        self._sink.call_event(uuid, ev.TransferEnded(ref, "failed"))

    def record(self, uuid: str, ref: int, path: str, max_s: float, silence_s: float) -> None:
        self._sink.call_event(uuid, ev.RecordEnded(ref, 0.0, "failed"))

    def play(self, uuid: str, ref: int, audio: Sequence[str], keys: str = "") -> None:
        self._sink.call_event(uuid, ev.PlayEnded(ref, ok=False))

    def send_fax(self, uuid: str, ref: int, path: str) -> None:
        self._sink.call_event(uuid, ev.FaxEnded(ref, "failed"))

    def receive_fax(self, uuid: str, ref: int, path: str) -> None:
        self._sink.call_event(uuid, ev.FaxEnded(ref, "failed"))

    def play_video(self, uuid: str, ref: int, path: str) -> None:
        self._sink.call_event(uuid, ev.VideoEnded(ref, "unsupported"))

    def answer(self, uuid: str) -> None:
        pass

    def stop_play(self, uuid: str, ref: int) -> None:
        pass

    def start_music(self, uuid: str, audio: Sequence[str]) -> None:
        pass

    def stop_music(self, uuid: str) -> None:
        pass

    def take_up_transfer(self, uuid: str, ref: int, kind: str, target: str) -> bool:
        return False

    def stop_transfer(self, uuid: str, ref: int) -> None:
        pass

    def stop_record(self, uuid: str, ref: int) -> None:
        pass

    def start_recording(self, uuid: str, path: str) -> None:
        pass

    def pause_recording(self, uuid: str, on: bool, done: Callable[[bool], None] | None = None) -> None:
        pass

    def mask_recording(self, uuid: str, on: bool) -> None:
        pass

    def stop_recording(self, uuid: str) -> None:
        pass

    def stop_fax(self, uuid: str, ref: int) -> None:
        pass

    def give_up(self) -> None:
        """It is never away."""

    def stop_video(self, uuid: str, ref: int) -> None:
        pass
