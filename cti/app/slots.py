"""Who has this engine's worker slot on its switches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.switch.links import LinkSettings
from cti.switch.slots import held_by_another

if TYPE_CHECKING:
    from cti.config import Settings
    from cti.switch.holding import Holder


def who_holds(settings: Settings, holder: Holder) -> tuple[str, str] | None:
    """(switch, name) of another engine that lives in the slot; None: nobody does, as far as can be asked."""
    for switch in settings.switches:
        link = LinkSettings(
            switch.host, switch.port, switch.secret(), (), worker=str(settings.worker.slot), connect_timeout_s=2.0
        )
        other = held_by_another(link, holder)
        if other is not None:
            return switch.name, other
    return None
