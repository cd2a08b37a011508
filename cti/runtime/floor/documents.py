"""Faxes that wait for an agent, kept in the store while they do, so that the next engine goes on with them.

A fax that waits goes on in its place, with the time that it has waited: its stay in the queue is the same one in the
counts. One that an agent had when the engine died comes anew into the queue that it came through, at its old rank,
unless the agent had ended it already.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cti.acd.model import Relax, Wish
from cti.core.documents import DocumentLeft, DocumentServed, DocumentWaits
from cti.flow.types import Type, parse_type

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

log = logging.getLogger("cti.queue")


class Documents:
    """``record``: to the store. ``worker``: as in `cti.core.floor_records`."""

    def __init__(self, record: Callable[[DocumentWaits | DocumentServed], None], worker: str) -> None:
        self._record, self._worker = record, worker

    def waits(
        self, wish: Wish, call: str, document: str, began_at: float, screens: tuple[Any, Any], types: Mapping[str, Type]
    ) -> None:
        """``screens``: what an agent is shown, masked and in clear."""
        body = {
            "queue": wish.queue,
            "medium": wish.medium,
            "skills": dict(wish.skills),
            "relax": [[step.after_s, dict(step.skills)] for step in wish.relax],
            "priority": wish.priority,
            "screens": list(screens),
            "types": {name: str(kind) for name, kind in types.items()},
        }
        self._record(
            DocumentWaits(
                call_id=call,
                document=document,
                worker=self._worker,
                contact=wish.contact,
                began_at=began_at,
                body=body,
            )
        )

    def served(self, call: str, document: str) -> None:
        self._record(DocumentServed(call_id=call, document=document))


def wish_of(left: DocumentLeft) -> Wish:
    """What it asks of the queue now."""
    asked = left.body
    return Wish(
        left.contact,
        left.queue or asked["queue"],
        asked["medium"],
        skills=asked["skills"],
        relax=tuple(Relax(after_s, skills) for after_s, skills in asked["relax"]),
        priority=asked["priority"],
        rank_at=left.began_at,
        patient=True,
        since=left.since,
    )


def types_of(left: DocumentLeft) -> dict[str, Type]:
    kinds = {name: parse_type(spelled) for name, spelled in left.body["types"].items()}
    return {name: kind for name, kind in kinds.items() if isinstance(kind, Type)}


def in_queues(left: Iterable[DocumentLeft], queues: Collection[str]) -> list[DocumentLeft]:
    """Those whose queue there is; the others stay kept, for an engine that has it."""
    found = []
    for one in left:
        if wish_of(one).queue in queues:
            found.append(one)
        else:
            log.error("fax %s waits for the queue '%s', which is not configured", one.call_id, wish_of(one).queue)
    return found
