"""What is to be sent, on PostgreSQL, where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cti.core.access import EVERYTHING, Grant
from cti.core.people import User
from cti.core.webhooks import Answer, DeliveryState, EventKept, Key, Webhook
from cti.store import SqlStore
from cti.store.webhook_queue import Outcome
from tests.store.conftest import Folder, folder
from tests.store.test_postgresql import Server, server
from tests.webhooks.kit import DEED, SECRET

__all__ = ["folder", "server"]  # fixtures


@pytest.fixture
def store(folder: Folder, server: Server) -> Iterator[SqlStore]:
    found = folder.open(url=server.url)
    yield found
    found.close(5.0)
    folder.forget(found)


def test_kept_in_order_taken_settled_and_forgotten(store: SqlStore) -> None:
    accounts = store.accounts
    accounts.people.add_user(User("u-w", "w", grants=(Grant.parse("supervisor"),)), None, DEED)
    accounts.webhooks.add(
        Webhook("w", "", "https://crm.example/", "u-w", ("*",), (EVERYTHING,), (Key("k1", SECRET),)), DEED
    )
    queue = accounts.webhook_queue
    assert [active.webhook.webhook_id for active in queue.active()] == ["w"]
    assert queue.lease("a/0", 10.0) == {"w"}
    assert queue.lease("b/0", 10.0) == set()
    for number, lane in enumerate("aab"):
        for _ in range(2):  # once more changes nothing
            store.record(EventKept(f"e{number}", "contact.queued", 10.0, number, lane, "{}", ("w",)))
    assert store.flush(30.0)
    first, other = queue.due("w", 10.0, 9)
    assert (first.event_id, other.event_id) == ("e0", "e2")
    failed = Outcome(first, DeliveryState.PENDING, Answer(500, "status"), 11.0, 60.0)
    queue.settle("w", [failed, Outcome(other, DeliveryState.DELIVERED, Answer(200), 11.0)], recovered=False)
    assert queue.due("w", 59.0, 9) == []
    store.record(EventKept("e3", "contact.queued", 12.0, 3, "a", "{}", ("w",)))
    assert store.flush(30.0)
    assert [one.event_id for one in queue.due("w", 60.0, 9)] == ["e0"]
    queue.settle("w", [failed], recovered=False, disable="failing")
    assert [one.state for one in accounts.webhooks.deliveries("w", limit=9, state="dead")] == [DeliveryState.DEAD] * 3
    assert accounts.webhooks.redeliver("w", ["e1"], DEED) == 1
    assert queue.forget(1e12) == 3
    assert [one.event_id for one in accounts.webhooks.deliveries("w", limit=9)] == ["e1"]
