"""The port of a recogniser, for calls on any of our switches."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING

from cti.core.events import Heard

if TYPE_CHECKING:
    from cti.core.commands import Listen
    from cti.switch.speech.ears import Ears


class SwitchSpeech:
    """Implements `cti.ports.Recogniser`: each call is heard by the switch that it is on."""

    def __init__(self) -> None:
        self._switches: list[tuple[Container[str], Ears]] = []

    def add(self, calls: Container[str], ears: Ears) -> None:
        """``calls``: uuids that are on this switch now."""
        self._switches.append((calls, ears))

    def listen(self, uuid: str, wanted: Listen, told: Callable[[Heard], None]) -> None:
        ears = self._find(uuid)
        if ears is None:
            told(Heard(wanted.ref, "unavailable"))
        else:
            ears.listen(uuid, wanted, told)

    def stop(self, uuid: str, ref: int) -> None:
        ears = self._find(uuid)
        if ears is not None:
            ears.stop(uuid, ref)

    def _find(self, uuid: str) -> Ears | None:
        return next((ears for calls, ears in self._switches if uuid in calls), None)
