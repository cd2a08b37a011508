"""What agents' clients are shown of calls that other processes carry, as the flow worker told it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.runtime.cluster.codec import pack, unpack
from cti.runtime.screens import CallScreens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.core.wrapups import WrapUpRow
    from cti.flow.types import Type


def shown_of(screens: CallScreens, adopted: Callable[[str], bool], call: str) -> dict[str, Any]:
    """On the worker: all that `RemoteScreens` needs. ``adopted``: agents may have written something before."""
    return {
        "masked": pack(screens.screen(call)),
        "clear": pack(screens.screen(call, unmask=True)),
        "types": pack(screens.editable(call)),
        "number": screens.number(call),
        "adopted": adopted(call),
    }


class RemoteScreens(CallScreens):
    """``told``: of a call that is known, what `shown_of` gave; empty: nothing. Other calls are our own."""

    told: Callable[[str], Mapping[str, Any] | None] = staticmethod(lambda _call: None)

    def screen(self, call: str, *, unmask: bool = False) -> dict[str, Any]:
        told = self.told(call)
        if told is None:
            return super().screen(call, unmask=unmask)
        return dict(unpack(told["clear" if unmask else "masked"])) if told else {}

    def editable(self, call: str) -> dict[str, Type]:
        told = self.told(call)
        if told is None:
            return super().editable(call)
        return dict(unpack(told["types"])) if told else {}

    def written(self, call: str) -> list[WrapUpRow]:
        told = self.told(call)
        if told is None:
            return super().written(call)
        return self.kept(call) if told.get("adopted", True) else []

    def number(self, call: str) -> str | None:
        told = self.told(call)
        return super().number(call) if told is None else told.get("number")
