"""What is known of a call besides the queue: the screen pop of an agent's client (`cti.runtime.floor.publisher`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.core.masking import mask, mask_all
from cti.core.moments import iso
from cti.core.records import CallFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.wrapups import WrapUpRow
    from cti.flow.types import Type
    from cti.ports import Store
    from cti.runtime.engine import Engine

PREVIOUS_MAX = 5
PATH_MAX = 50
#: The subflow that proves who calls, and the outcome that says so; see docs/shipped-flows.md.
IDENTITY, VERIFIED = "identity", "verified"


class CallScreens:
    """``engine``: there once the floor is used. ``called``: of calls that we placed and no flow sees: who is called,
    and the number shown."""

    def __init__(
        self, engine: Callable[[], Engine], store: Store, called: Callable[[str], tuple[str, str] | None]
    ) -> None:
        self._engine, self._store, self._called = engine, store, called

    def screen(self, call: str, *, unmask: bool = False) -> dict[str, Any]:
        """Personal data is masked unless ``unmask``; what the flow calls sensitive as well."""
        actor = self._engine().find(call)
        if actor is None:
            return self._placed(call, unmask=unmask)
        caller, number = actor.call.caller, actor.call.caller.number
        path = actor.log.path
        return {
            "caller": number if unmask or number is None else mask(number),
            "caller_name": caller.name if unmask else mask_all(caller.name),
            "called": caller.called,
            "flow": path[0][0] if path else "",
            "language": actor.language,
            "path": [{"flow": flow, "node": node} for flow, node, _ in path[-PATH_MAX:]],
            "variables": actor.variables(unmask=unmask),
            "identity": {"verified": (IDENTITY, VERIFIED) in {(flow, node) for flow, node, _ in path}},
        }

    def _placed(self, call: str, *, unmask: bool) -> dict[str, Any]:
        found = self._called(call)
        if found is None:
            return {}
        number, shown = found
        return {"caller": number if unmask else mask(number), "caller_name": "", "called": shown, "flow": "",
                "language": "", "path": [], "variables": {}, "identity": {"verified": False}}  # fmt: skip

    def editable(self, call: str) -> dict[str, Type]:
        actor = self._engine().find(call)
        return {} if actor is None else actor.editable()

    def written(self, call: str) -> list[WrapUpRow]:
        actor = self._engine().find(call)
        if actor is None or not actor.call.adopted:
            return []
        return self.kept(call)

    def kept(self, call: str) -> list[WrapUpRow]:
        """What agents wrote in this call so far, in clear. Blocks; raises CtiError."""
        return self._store.find_wrapups([call], unmask=True).get(call, [])

    def previous(self, call: str) -> list[dict[str, Any]]:
        number = self.number(call)
        if not number:
            return []
        found = self._store.list_calls(limit=PREVIOUS_MAX + 1, where=CallFilter(caller=number))
        rows = [row for row in found if row.call_id != call][:PREVIOUS_MAX]
        written = self._store.find_wrapups([row.call_id for row in rows], unmask=True)
        return [
            {"call_id": row.call_id, "at": iso(row.started_at), "flow": row.flow, "outcome": row.outcome,
             "goals": list(row.goals), **_last(written.get(row.call_id, []))}
            for row in rows
        ]  # fmt: skip

    def number(self, call: str) -> str | None:
        actor = self._engine().find(call)
        if actor is None:
            placed = self._called(call)
            return None if placed is None else placed[0]
        return actor.call.caller.number


def _last(written: list[WrapUpRow]) -> dict[str, Any]:
    """The last disposition, and the last notes, that agents gave a call."""
    dispositions = [row.disposition for row in written if row.disposition is not None]
    notes = [row.notes for row in written if row.notes]
    return {"disposition": dispositions[-1] if dispositions else None, "notes": notes[-1] if notes else ""}
