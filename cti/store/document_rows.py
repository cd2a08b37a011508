"""Documents that wait for an agent, in the database while they do: what is known of them sealed as a whole."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, select

from cti.core.documents import DocumentLeft, DocumentServed, DocumentWaits
from cti.store.database import insert_or_complete
from cti.store.fixed import run_many
from cti.store.rows import Row, clean, context
from cti.store.schema_documents import waiting_documents
from cti.store.schema_floor import queue_entries
from cti.store.sealing import Sealer

_LATER = ("worker", "call_id", "contact", "began_at", "body_sealed")
_SERVED = delete(waiting_documents).where(waiting_documents.c.document == bindparam("served"))


def write_documents(connection: Connection, sealer: Sealer, records: Sequence[DocumentWaits | DocumentServed]) -> None:
    """In the order in which it happened; what is written again after its ending was followed by that ending again."""
    last = {clean(record.document, 300): record for record in records}
    waiting = [_row(record, sealer) for record in last.values() if isinstance(record, DocumentWaits)]
    run_many(connection, insert_or_complete(connection, waiting_documents, _LATER, when="began_at"), waiting)
    served = [{"served": name} for name, record in last.items() if isinstance(record, DocumentServed)]
    run_many(connection, _SERVED, served)


def documents_left(connection: Connection, sealer: Sealer, worker: str) -> list[DocumentLeft]:
    """Those of this worker, the one that waits longest in front."""
    at, stay = waiting_documents.c, queue_entries.c
    of_worker = clean(worker, 80)
    open_stays = select(stay.contact, stay.entry_id, stay.queue, stay.began_at).where(
        stay.worker == of_worker,
        stay.ended_at.is_(None),
        stay.contact.in_(select(at.contact).where(at.worker == of_worker)),
    )
    stays = {row.contact: row for row in connection.execute(open_stays)}
    found = []
    for row in connection.execute(select(waiting_documents).where(at.worker == of_worker).order_by(at.began_at)):
        body = json.loads(sealer.open(row.body_sealed, context("waiting_documents", "body", row.document)))
        entry = stays.get(row.contact)
        found.append(
            DocumentLeft(
                call_id=row.call_id,
                document=row.document,
                worker=row.worker,
                contact=row.contact,
                began_at=row.began_at,
                body=body,
                entry_id="" if entry is None else entry.entry_id,
                queue="" if entry is None else entry.queue,
                since=None if entry is None else entry.began_at,
            )
        )
    return found


def _row(record: DocumentWaits, sealer: Sealer) -> Row:
    document = clean(record.document, 300)
    body = json.dumps(dict(record.body), default=str)
    return {
        "document": document,
        "worker": clean(record.worker, 80),
        "call_id": clean(record.call_id, 128),
        "contact": clean(record.contact, 160),
        "began_at": float(record.began_at),
        "body_sealed": sealer.seal(body, context("waiting_documents", "body", document)),
    }
