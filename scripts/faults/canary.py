"""Who finds out, all the time, whether the platform answers: a caller in a menu, and a client of the API."""

from __future__ import annotations

import contextlib
import threading
import time

from scripts.faults.house import Platform
from scripts.faults.people import REFUSED, Desk
from scripts.faults.site import AGAIN

ASK_S, PATIENCE_S = 0.1, 2.0
GONE = (OSError, TimeoutError, AssertionError, ValueError)  # the switch does not answer, or half


class Canary:
    """A caller in a menu who presses a key twice a second until the platform answers."""

    def __init__(self, house: Platform, uuid: str, every_s: float = 0.5) -> None:
        self._house, self.uuid, self._every_s = house, uuid, every_s
        self._tap, self.began = house.switch.tap, time.monotonic()
        self._before = self._heard()
        self._stopped = threading.Event()
        self.answered_s: float | None = None
        self._thread = threading.Thread(target=self._press, daemon=True)
        self._thread.start()

    def _heard(self) -> int:
        return len(self._tap.of(self.uuid, "PLAYBACK_START"))

    def _press(self) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(*GONE):  # also of a switch that is too busy for once
                self._tap.api(f"uuid_recv_dtmf {self.uuid} {AGAIN}")
            until_s = time.monotonic() + self._every_s
            while time.monotonic() < until_s:
                if self._heard() > self._before:
                    self.answered_s = time.monotonic() - self.began
                    return
                time.sleep(0.02)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


class Client:
    """Asks ten times a second for what only who distributes can answer, until `stop`."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._began = desk, time.monotonic()
        self._refused_at: float | None = None  # asked last and not answered
        self._served_at: float | None = None  # answered first after that
        self._asked_at = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        while not self._stopped.wait(ASK_S):
            asked = time.monotonic()
            try:
                self._desk.asks(PATIENCE_S)
            except REFUSED:
                self._refused_at, self._served_at = asked, None
            else:
                self._served_at = self._served_at or time.monotonic()
                self._asked_at = asked

    def served(self, since: float) -> bool:
        """By an answer to what was asked after ``since``."""
        return self._served_at is not None and self._asked_at > since

    @property
    def gap_s(self) -> float | None:
        """From the fault until clients were served for good; None: they were all the time."""
        if self._refused_at is None or self._served_at is None:
            return None
        return self._served_at - self._began

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
