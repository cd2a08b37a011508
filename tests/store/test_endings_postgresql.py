"""What a PostgreSQL that hangs, is full or away costs who asks it: an error in time, and no connection for good."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from cti.core.errors import StoreUnavailable
from cti.store.database import Endings, make_engine
from cti.store.repository import Repository
from tests.store.test_postgresql import Server, server

__all__ = ["server"]  # the fixture


class Asking(Repository):
    def ask(self, sql: str) -> object:
        return self._read(lambda connection: connection.execute(text(sql)).scalar())

    def within(self, sql: str) -> object:
        """With a connection held meanwhile."""

        def work(connection: Connection) -> object:
            connection.execute(text("SELECT 1"))
            return self._engine.connect().execute(text(sql)).scalar()

        return self._read(work)


@pytest.fixture
def asking(server: Server) -> Iterator[Asking]:
    url = make_url(server.url + "&options=-c%20application_name%3Dcti-test")
    ends = Endings(connections=1, wait_s=0.2, statement_s=0.5, lock_s=0.2, idle_s=0.3)
    found = Asking(make_engine(url, busy_s=1.0, read_only=False, endings=ends), url)
    yield found
    found.close()
    found._engine.dispose()


def said(asking: Asking, sql: str) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        asking.ask(sql)
    assert caught.value.remedy
    return caught.value.message.partition(" failed: ")[0].rpartition("cti-pg-")[2].partition(" ")[2]


def test_a_statement_that_hangs_ends_and_the_connection_is_good_again(asking: Asking) -> None:
    assert said(asking, "SELECT pg_sleep(3600)") == "took too long over a statement"
    assert asking.ask("SHOW application_name") == "cti-test"  # the options of the address hold besides
    assert asking._engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_a_lock_is_not_waited_for_without_end(asking: Asking, server: Server) -> None:
    other = create_engine(server.url)
    with other.begin() as making:
        making.execute(text("CREATE TABLE IF NOT EXISTS held (n integer)"))
    with other.begin() as holding:
        holding.execute(text("LOCK TABLE held"))
        assert said(asking, "SELECT count(*) FROM held") == "is held up by a lock of another transaction"
    assert asking.ask("SELECT count(*) FROM held") == 0
    other.dispose()


def test_connections_are_bounded_and_who_finds_none_is_told(asking: Asking) -> None:
    with pytest.raises(StoreUnavailable, match=r"all connections to the database .* are in use") as caught:
        asking.within("SELECT 1")
    assert "store: {pool: {connections}}" in caught.value.remedy
    assert asking.ask("SELECT 2") == 2


def test_a_transaction_that_stands_still_gives_its_locks_back(asking: Asking, server: Server) -> None:
    with asking._engine.connect() as stopped:
        stopped.execute(text("SELECT pg_advisory_xact_lock(1)"))
        other = create_engine(server.url)
        with other.begin() as waiting:  # for the stopped one's end, which only the server brings about
            waiting.execute(text("SELECT pg_advisory_xact_lock(1)"))
        other.dispose()
        stopped.invalidate()
    assert asking.ask("SELECT 3") == 3


def test_a_server_that_was_away_is_used_again(asking: Asking, server: Server) -> None:
    assert asking.ask("SELECT 4") == 4
    server.stop()
    with pytest.raises(StoreUnavailable):
        asking.ask("SELECT 5")
    server.start()
    assert asking.ask("SELECT 6") == 6
