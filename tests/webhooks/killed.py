"""Run as a program: does things on a floor whose events a webhook is to get, until it is killed. Tells each on stdout.

After each transaction it looks whether a kill at this moment would part a fact from its event. Arguments: the folder of
the database."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import gevent

from cti.runtime.floor.ledger import Ledger
from cti.runtime.webhooks.board import Board
from cti.store import WriterSettings, open_store
from cti.store.batch import BatchWriter, Item, Written
from tests.api.floorsite import come, make_floor, sit
from tests.webhooks.kit import Clock

_PAIRS = {"contact.queued": "queue_entries", "offer.created": "offers", "agent.state_changed": "presence_periods"}


def watch(folder: Path) -> None:
    write = BatchWriter.write

    def watched(self: BatchWriter, items: Sequence[Item]) -> Written:
        written = write(self, items)
        with closing(sqlite3.connect(folder / "cti.db")) as connection:
            for type_, table in _PAIRS.items():
                [[facts]] = connection.execute(f"SELECT count(*) FROM {table}")
                [[events]] = connection.execute("SELECT count(*) FROM webhook_events WHERE type = ?", (type_,))
                if facts != events:
                    print(f"parted: {facts} of {table}, {events} of {type_}", flush=True)
        return written

    BatchWriter.write = watched  # type: ignore[method-assign]


def main() -> None:
    folder, clock = Path(sys.argv[1]), Clock()
    watch(folder)
    settings = WriterSettings(gather_s=0.001, batch=3)  # fewer than belong together
    store = open_store(f"sqlite:///{folder / 'cti.db'}", folder / "keys.json", settings=settings)
    floor, legs = make_floor(clock)
    floor.owner.together = store.together
    board = Board(store.accounts.webhook_queue, store.record, clock)
    floor.hub.listeners.append(board.heard)
    board.look()
    ledger = Ledger(store.record, "cti/0")
    ledger.begin(floor.owner.now())
    floor.owner.listeners.append(ledger.hear)
    sit(floor, "1001", "u-anna", "north")
    for number in range(100_000):
        come(floor, legs, f"k{number}", "second" if number % 2 else "service")
        gevent.sleep(0.001)
        if number == 20:
            store.flush(60.0)
            print("ready", flush=True)


main()
