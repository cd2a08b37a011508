"""What the distribution orders of a caller's switch, over the bus: music, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.runtime.cluster.codec import pack
from cti.runtime.cluster.leading import CALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cti.runtime.cluster.leading import Leading


class CallerOrders:
    """`cti.ports.MusicControl`, and what posts to the caller's run. ``name`` is of switch, worker and its run.
    ``number``: of this stay in a queue, by the worker's count."""

    def __init__(self, leading: Leading, address: str, run: str, switch: str, number: int) -> None:
        self._leading, self.address, self.run, self.switch, self._number = leading, address, run, switch, number
        self.name = f"{switch} {address} {run}"

    def start_music(self, uuid: str, audio: Sequence[str]) -> None:
        self._send("music", uuid, audio=list(audio))

    def stop_music(self, uuid: str) -> None:
        self._send("quiet", uuid)

    def post(self, uuid: str, event: Any) -> None:
        done = getattr(event, "done", None)
        asked = {} if done is None else {"done": self._leading.later(lambda ok: done(bool(ok)))}
        self._send("post", uuid, event=pack(event), **asked)

    def taken(self, uuid: str, ours: bool, leg: str) -> None:
        """The talk that the caller is in is one of ours, with this leg of the agent."""
        self._send("taken", uuid, ours=ours, leg=leg)

    def stay(self, uuid: str, stay: dict[str, Any] | None) -> None:
        self._send("stay", uuid, stay=stay)

    def _send(self, what: str, uuid: str, **body: Any) -> None:
        self._leading.send(self.address, self.run, CALL + what, {"uuid": uuid, "number": self._number, **body})
