"""Recordings of our own legs: the driver's business, as those of callers' legs are (`cti.switch.tapes`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.switch.driver import FreeSwitch
    from cti.switch.legs.own import OwnLeg


class LegTapes:
    """What `Legs` does for the `LegControl` port here."""

    _driver: FreeSwitch

    def sync_tapes(self, own: OwnLeg) -> None:
        self._driver.sync_tapes(own)

    def start_recording(self, leg: str, path: str) -> None:
        self._driver.start_recording(leg, path)

    def pause_recording(self, leg: str, on: bool, done: Callable[[bool], None] | None = None) -> None:
        self._driver.pause_recording(leg, on, done)

    def mask_recording(self, leg: str, on: bool) -> None:
        self._driver.mask_recording(leg, on)

    def stop_recording(self, leg: str) -> None:
        self._driver.stop_recording(leg)
