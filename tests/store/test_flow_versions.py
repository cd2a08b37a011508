"""The history of flows in the database: written whole or not, read back, and figures from the calls' records."""

from __future__ import annotations

import pytest

from cti.core.calls import TerminalCause
from cti.core.errors import StoreUnavailable
from cti.core.records import CallEnded, CallStarted, LegAdded, NodeVisit
from cti.core.versions import Activation, FlowVersion, Origin, VersionFigures
from cti.store import SqlStore
from cti.store.flow_versions import open_flow_versions
from tests.store.conftest import Folder

OLD, NEW = "a" * 64, "ab" * 32
FILES = {"hotline.yaml": "flow: hotline 你好\n"}


def version(name: str) -> FlowVersion:
    return FlowVersion("hotline", name, FILES, "ann", 10.0, Origin.FILE)


def line(name: str, origin: Origin = Origin.FILE, at: float = 10.0) -> Activation:
    return Activation("hotline", name, at, "ann", origin, name, "why")


def test_what_was_written_comes_back(store: SqlStore) -> None:
    number = store.flows.write([version(OLD)], [line(OLD)])
    assert store.flows.find("hotline", OLD) == [version(OLD)]
    (found,) = store.flows.history("hotline")
    assert (found.version, found.author, found.origin, found.number) == (OLD, "ann", Origin.FILE, number)
    assert store.flows.last_number() == number


def test_a_version_is_kept_as_it_was_first_written(store: SqlStore) -> None:
    store.flows.write([version(OLD)], [])
    store.flows.write([FlowVersion("hotline", OLD, {}, "bob", 99.0, Origin.ROLLBACK)], [])
    assert store.flows.find("hotline", OLD) == [version(OLD)]


def test_a_beginning_of_a_version_finds_it_and_an_ambiguous_one_finds_two(store: SqlStore) -> None:
    store.flows.write([version(OLD), version(NEW)], [])
    assert [one.version for one in store.flows.find("hotline", "aba")] == [NEW]
    assert len(store.flows.find("hotline", "a")) == 2
    assert store.flows.find("hotline", "_") == []
    assert store.flows.find("hotline", "%") == []


def test_the_last_line_is_active_and_a_canary_changes_nothing(store: SqlStore) -> None:
    store.flows.write([version(OLD), version(NEW)], [line(OLD)])
    store.flows.write([], [line(NEW, Origin.CANARY, 11.0)])
    assert store.flows.active()["hotline"].version == OLD
    assert [one.version for one in store.flows.canaries()] == [NEW]
    store.flows.write([], [line(NEW, Origin.ROLLBACK, 12.0)])
    assert store.flows.active()["hotline"].version == NEW
    assert [one.version for one in store.flows.history("hotline")] == [NEW, NEW, OLD]


def test_the_files_version_is_filled_in_once(store: SqlStore) -> None:
    number = store.flows.write([], [Activation("hotline", OLD, 1.0, "ann", Origin.ROLLBACK)])
    store.flows.settle(number, NEW)
    store.flows.settle(number, OLD)
    assert store.flows.active()["hotline"].file_version == NEW


def test_another_process_writes_and_the_engine_sees_it(folder: Folder) -> None:
    store = folder.open()
    with open_flow_versions(f"sqlite:///{folder.db}") as beside:
        number = beside.write([version(OLD)], [line(OLD, Origin.ROLLBACK)])
    assert store.flows.last_number() == number


def test_without_a_database_it_says_what_to_do(folder: Folder) -> None:
    with (
        pytest.raises(StoreUnavailable, match="there is no database"),
        open_flow_versions(f"sqlite:///{folder.db}"),
    ):
        raise AssertionError("opened nothing")


def test_half_a_change_is_none(store: SqlStore) -> None:
    bad = Activation("hotline", OLD, None, "ann", Origin.FILE)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        store.flows.write([version(OLD)], [bad])
    assert store.flows.find("hotline", OLD) == []


def call(
    store: SqlStore,
    name: str,
    *nodes: tuple[str, str],
    cause: TerminalCause = TerminalCause.FLOW_END,
    at: float = 100.0,
    goals: tuple[str, ...] = (),
    agent: bool = False,
) -> None:
    store.record(CallStarted(name, "fs", "10086", at, flow="hotline", flow_version=OLD))
    if agent:
        store.record(LegAdded(name, f"{name}-leg", "agent", at + 0.5))
    for number, (kind, exit) in enumerate(nodes):
        store.record(NodeVisit(name, "hotline", f"n{number}", kind, 1, at, at + 1, exit))
    store.record(CallEnded(name, at + 5, cause, goals=goals))


def test_figures_tell_errors_people_and_callers_who_gave_up(store: SqlStore) -> None:
    call(store, "served", ("menu", "1"), ("play", "next"), goals=("balance",))
    call(store, "idle", ("menu", "hangup"), cause=TerminalCause.CALLER_HANGUP)
    call(store, "spoke", ("queue", "talked"), goals=("balance",), agent=True)
    call(store, "ended the talk", ("queue", "hangup"), cause=TerminalCause.CALLER_HANGUP, agent=True)
    call(store, "left", ("queue", "hangup"), cause=TerminalCause.CALLER_HANGUP)
    call(store, "twice", ("queue", "full"), ("queue", "hangup"), cause=TerminalCause.CALLER_HANGUP)
    call(store, "handed", ("transfer", "talked"))
    call(store, "broke", ("play", "next"), cause=TerminalCause.SYSTEM_ERROR)
    call(store, "before", ("play", "next"), at=1.0)
    store.record(CallStarted("up", "fs", "10086", 100.0, flow="hotline", flow_version=OLD))
    store.record(CallStarted("other", "fs", "10086", 100.0, flow="hotline", flow_version=NEW))
    assert store.flush(10.0)
    assert store.flows.figures("hotline", OLD, 50.0) == VersionFigures(8, errors=1, contained=1, queued=5, abandoned=2)
    assert store.flows.figures("hotline", NEW) == VersionFigures()
