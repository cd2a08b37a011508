"""What whoever distributes needs of switches and calls, in this process or in others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.ports import LegControl
    from cti.switch.driver import FreeSwitch


class Switchboard(Protocol):
    """Legs on switches, wherever these are driven."""

    def legs_of(self, name: str) -> LegControl:
        """By what the switch of a caller calls itself."""

    def up(self) -> Mapping[str, LegControl]:
        """Switches that new phones can be rung on."""


class OurSwitches:
    """``drivers``: there once the engine is made."""

    def __init__(self, drivers: Callable[[], Mapping[str, FreeSwitch]]) -> None:
        self._drivers = drivers

    def legs_of(self, name: str) -> LegControl:
        return self._drivers()[name].leg_control

    def up(self) -> Mapping[str, LegControl]:
        return {name: driver.leg_control for name, driver in self._drivers().items() if driver.fit}


class Elsewhere(Protocol):
    """Calls that other processes carry."""

    def told_of(self, call: str) -> Mapping[str, Any] | None:
        """What is shown of one (`cti.runtime.cluster.remote_screens`); None: there is no such call."""

    def is_up(self, call: str) -> bool: ...

    def number_of(self, call: str) -> str | None: ...

    def on_line(self, number: str) -> bool: ...


class Nowhere:
    """All calls are here."""

    def told_of(self, call: str) -> Mapping[str, Any] | None:
        return None

    def is_up(self, call: str) -> bool:
        return False

    def number_of(self, call: str) -> str | None:
        return None

    def on_line(self, number: str) -> bool:
        return False
