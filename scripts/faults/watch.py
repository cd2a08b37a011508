"""When an engine sees that a switch is away: by what it answers to machines that watch it."""

from __future__ import annotations

import threading
import time

from scripts.faults.people import REFUSED, Desk

LOOK_S, GIVE_UP_S = 0.05, 60.0


class Notice:
    """Asks from now on, twenty times a second, until a switch is not `up`."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._began = desk, time.monotonic()
        self._after_s: float | None = None
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        while time.monotonic() - self._began < GIVE_UP_S:
            asked = time.monotonic()
            try:
                states = self._desk.health()["switches"]
            except REFUSED:
                states = {}
            if any(state != "up" for name, state in states.items()):
                self._after_s = asked - self._began
                return
            time.sleep(LOOK_S)

    def told(self) -> str:
        self._thread.join()
        return "never noticed" if self._after_s is None else f"noticed after {self._after_s:.1f} s"
