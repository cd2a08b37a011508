"""Recordings on PostgreSQL, where there is one: the same statements, from the first row to the tombstone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cti.core.access import Visible
from cti.core.calls import TerminalCause
from cti.core.errors import CtiError
from cti.core.recordings import RecordingKind, RecordingState, Retention
from cti.core.records import CallEnded, CallStarted, RecordingKept
from cti.store import SqlStore
from cti.store.recording_rows import RecordingFilter
from cti.store.sealed_files import SealedContent, new_key
from tests.store.conftest import Folder
from tests.store.test_people import DEED
from tests.store.test_postgresql import Server, server

__all__ = ["server"]  # the fixture

KEPT = RecordingKept(
    "c-1", "recordings/open/r-1.wav", RecordingKind.TALK, 10.0, node="cti", queue="service", agents=(("1001", "north"),)
)


@pytest.fixture
def store(folder: Folder, server: Server) -> Iterator[SqlStore]:
    found = folder.open(url=server.url)
    yield found
    found.close(5.0)
    folder.forget(found)


def test_from_the_first_row_to_the_tombstone(store: SqlStore) -> None:
    recordings = store.accounts.recordings
    store.record(CallStarted("c-1", "fs", "10086", 1.0))
    store.record(KEPT)
    assert store.flush(10.0)
    assert recordings.pending("cti") == []
    assert [one.recording_id for one in recordings.pending("cti", ["r-1"])] == ["r-1"]
    store.record(replace(KEPT, ended_at=20.0, paused=((12.0, 13.0),)))
    store.record(CallEnded("c-1", 21.0, TerminalCause.CALLER_HANGUP))
    assert store.flush(10.0)
    (one,) = recordings.pending("cti")
    assert (one.state, one.paused, one.agents) == (RecordingState.COMPLETE, ((12.0, 13.0),), (("1001", "north"),))
    key, content = new_key(), SealedContent(9, "sha256:00")
    values = {"at": 30.0, "ended_at": 20.0, "length_s": 9.0, "until": 99.0}
    assert recordings.sealed(one, key, content, "recordings/sealed/x", **values)
    assert not recordings.sealed(one, new_key(), content, "recordings/sealed/y", **values)
    sealed = recordings.find("r-1")
    assert sealed is not None
    assert (sealed.state, recordings.key_of(sealed)) == (RecordingState.SEALED, key)
    assert recordings.known_files(["recordings/sealed/x", "recordings/sealed/y"]) == {"recordings/sealed/x"}
    assert recordings.apply(Retention({RecordingKind.TALK: 1})) == 1
    assert recordings.apply(Retention({RecordingKind.TALK: 1})) == 0
    for what, count in ((Visible(teams=frozenset({"north"})), 1), (Visible(queues=frozenset({"other"})), 0)):
        assert len(recordings.search(limit=9, where=RecordingFilter(agent="1001", what=what))) == count
    recordings.hold("r-1", True, DEED)
    assert recordings.due("cti", 1e9, 10) == recordings.expire([sealed], 1e9) == []
    with pytest.raises(CtiError) as held:
        recordings.delete("r-1", DEED)
    assert held.value.code == "recording-held"
    recordings.hold("r-1", False, DEED)
    assert len(recordings.expire(recordings.due("cti", 1e9, 10), 1e9)) == 1
    assert [one.state for one in recordings.leftovers("cti")] == [RecordingState.DELETED]
    recordings.removed(["r-1"])
    assert recordings.leftovers("cti") == []
