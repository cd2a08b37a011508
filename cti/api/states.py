"""``/v1/states``: the state tables, so that no client has one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.acd.states import CONTACT, OFFER, PRESENCE
from cti.api.paging import known_only
from cti.runtime.floor.actions import AT_HAND, EVENT_OF
from cti.runtime.floor.permanent import PERMANENT
from cti.runtime.floor.text_actions import TEXT_AT_HAND, TEXT_EVENT_OF

if TYPE_CHECKING:
    import falcon

    from cti.acd.states import Table

_TABLES: dict[str, tuple[Table, dict[str, str]]] = {
    "me": (PRESENCE, {}),
    "contact": (CONTACT, {}),
    "contact_at_hand": (AT_HAND, EVENT_OF),
    "written_contact_at_hand": (TEXT_AT_HAND, TEXT_EVENT_OF),
    "offer": (OFFER, {}),
    "permanent_leg": (PERMANENT, {"ready": "agent.state_changed"}),
}
_EVENTS = {"me": "agent.state_changed", "contact": "contact.state_changed", "offer": "offer.ended",
           "permanent_leg": "agent.phone_changed"}  # fmt: skip


def tables() -> dict[str, Any]:
    """name -> rows: state, command, the state after it, the event that tells it, or the error id of the refusal."""
    return {
        name: [
            {
                "state": str(state), "command": command, "to": cell.to or None,
                "event": None if cell.error else events.get(command, _EVENTS.get(name, "")) or None,
                "error_id": cell.error or None,
            }
            for (state, command), cell in table.items()
        ]
        for name, (table, events) in _TABLES.items()
    }  # fmt: skip


class States:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ())
        resp.media = tables()

    on_head = on_get
