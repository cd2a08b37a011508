"""Each kind of feed sums to its report, and tells what differs."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from cti.app.feeding import report_of
from cti.boss.feeds import FeedRunner
from cti.boss.feeds.lines import read_lines
from cti.core.feeds import FeedKind
from cti.runtime.reports.making import Options, Period, make
from cti.store import SqlStore
from tests.boss.feeds import day as d
from tests.store.conftest import Folder
from tests.store.test_postgresql import server

__all__ = ["server"]  # a fixture


def plans(kind: FeedKind, **options: Any) -> Any:
    told = {"kind": kind, "to": "out", "days": 1, "caller": "msisdn", **options}
    return d.feeds_of(f"feeds: {{one: {json.dumps(told)}}}")


def lines(folder: Folder, kind: FeedKind) -> list[dict[str, str]]:
    files = sorted((folder.path / "out").glob("*.txt"))
    return [line for file in files for line in read_lines(file.read_bytes(), kind)]


def report(store: SqlStore, name: str) -> dict[str, Any]:
    return make(store.reports, name, Period(d.BEGIN, d.END, d.ZONE), Options(now=d.NEXT)).total


def test_agents_states_sum_to_the_report_of_agents(store: SqlStore, folder: Folder) -> None:
    d.a_day_of_agents(store)
    feed = d.runner_of(store, folder, plans("agent_states"))
    assert [file.name for file in feed.run("one")] == ["AGENT_STATES_20260302_001.txt"]
    assert feed.verify("one", d.DAY).good, feed.verify("one", d.DAY)
    found = lines(folder, "agent_states")
    assert Counter(line["kind"] for line in found) == {
        "presence": 2, "time": 4, "offered": 5, "end": 5, "handled": 2,
    }  # fmt: skip
    told = report(store, "agents")
    for bucket in ("ready", "not_ready", "handling", "reserved"):
        seconds = sum(float(line["seconds"]) for line in found if line["kind"] == "time" and line["state"] == bucket)
        assert seconds == pytest.approx(told[f"{bucket}_s"], abs=1e-6)
        assert told[f"{bucket}_s"] > 0
    assert (told["offers"], told["accepted"], told["ring_no_answer"], told["phone_down"]) == (5, 1, 1, 1)
    spells = [(line["state"], line["reason"], line["seconds"]) for line in found if line["kind"] == "presence"]
    assert spells == [("READY", "", "1100.500"), ("NOT_READY", "break", "85394.500")]


def test_time_over_midnight_is_in_each_day_for_its_part(store: SqlStore, folder: Folder) -> None:
    keep = [d.spent(1, d.BEGIN + 60.25, "ready", 3_660.75)]
    d.keep(store, *keep)
    feed = d.runner_of(store, folder, plans("agent_states", days=2))
    assert [file.rows for file in feed.run("one")] == [1, 1]
    parts = [(line["record"], line["seconds"], line["began_at"][:19]) for line in lines(folder, "agent_states")]
    assert parts == [("t1", "3600.500", "2026-03-01T22:59:59"), ("t1", "60.250", "2026-03-02T00:00:00")]
    assert feed.verify("one", d.DAY).good


def test_calls_sum_to_the_report_of_calls(store: SqlStore, folder: Folder) -> None:
    d.a_day_of_calls(store)
    feed = d.runner_of(store, folder, plans("calls"))
    feed.run("one")
    proof = feed.verify("one", d.DAY)
    assert (proof.good, proof.open, proof.differences) == (True, 1, ())
    found = lines(folder, "calls")
    assert Counter(line["kind"] for line in found) == {"call": 3, "queued": 3, "handled": 4}
    told = report(store, "calls")
    assert (told["calls"], told["queued"], told["handled"], told["disposition:moved"]) == (4, 3, 2, 1)
    first = found[0]
    assert {name: first[name] for name in ("call", "caller", "called", "entry", "goals", "cause", "failed")} == {
        "call": "c1", "caller": "138****1234", "called": "10086", "entry": "hotline", "goals": "balance bill",
        "cause": "caller_hangup", "failed": "0",
    }  # fmt: skip
    assert d.NUMBER not in str(found)


def test_what_ends_later_is_in_a_further_batch_and_until_then_told(store: SqlStore, folder: Folder) -> None:
    d.a_day_of_calls(store)
    feed = d.runner_of(store, folder, plans("calls"))
    feed.run("one")
    d.keep(store, *d.call(3, d.BEGIN + 50)[1:], d.handled(3, d.END + 3))
    late = feed.verify("one", d.DAY)
    assert {(count, report, files) for _, _, count, report, files in late.differences} >= {
        ("calls", 4, 3), ("handled", 3, 2), ("without_disposition", 2, 1),
    }  # fmt: skip
    assert [(file.seq, file.rows) for file in feed.run("one")] == [(2, 2)]
    assert feed.verify("one", d.DAY).good


def test_a_batch_of_few_records_is_followed_by_more(store: SqlStore, folder: Folder) -> None:
    d.a_day_of_calls(store)
    feed = d.runner_of(store, folder, plans("calls", rows=4))
    assert [(file.seq, file.rows) for file in feed.run("one")] == [(1, 4), (2, 4), (3, 2)]
    assert feed.verify("one", d.DAY).good


def test_what_is_sent_is_what_was_claimed_whatever_the_class_is_now(store: SqlStore, folder: Folder) -> None:
    d.a_day_of_calls(store)
    (folder.path / "out").rmdir()
    feed = d.runner_of(store, folder, plans("calls"))
    with pytest.raises(Exception, match="feed-folder"):
        feed.run("one")
    digest = store.accounts.feeds.claimed("one")[0].digest
    (folder.path / "out").mkdir()
    other = d.runner_of(store, folder, plans("calls", caller="sensitive"))
    assert [file.digest for file in other.run("one")] == [digest]
    assert lines(folder, "calls")[0]["caller"] == "138****1234"
    assert store.accounts.feeds.data(store.accounts.feeds.files("one", "20260302")[0]) is None


def test_records_are_forgotten_after_their_time_and_never_written_again(store: SqlStore, folder: Folder) -> None:
    d.a_day_of_calls(store)
    feed, kept = d.runner_of(store, folder, plans("calls")), store.accounts.feeds
    (file,) = feed.run("one")
    assert kept.purge("one", "20260302", 5.0) == 0
    assert kept.purge("one", "20260303", 5.0) == file.rows
    assert kept.purge("one", "20260303", 6.0) == 0
    assert kept.files("one", "20260302")[0].rows_gone_at == 5.0
    assert feed.run("one") == []
    assert feed.verify("one", d.DAY).good
    (folder.path / "out" / file.name).unlink()
    assert feed.verify("one", d.DAY).faults == ((file.name, "rows-gone"),)


def test_what_a_feed_has_no_use_for_any_more_is_forgotten_by_itself(store: SqlStore, folder: Folder) -> None:
    d.a_day_of_calls(store)
    d.runner_of(store, folder, plans("calls")).run("one")
    feeds, later = store.accounts.feeds, [d.NEXT]
    known = plans("calls", keep_days=30)

    def gone(named: Any, days: int) -> bool:
        later[0] = d.NEXT + days * 86_400
        report = report_of(feeds, store.reports, d.ZONE, lambda: d.NEXT)
        FeedRunner(lambda: named, feeds, lambda: later[0], d.ZONE, folder.path, report)._purge()
        return feeds.files("one", "20260302")[0].rows_gone_at is not None

    assert not gone(known, 29)
    assert not gone({}, 399)
    assert gone(known, 30)
    assert feeds.records(feeds.files("one", "20260302")[0], "calls", (d.BEGIN, d.END)) == []


def test_the_same_on_postgresql(folder: Folder, server: Any) -> None:
    store = folder.open(url=server.url)
    d.a_day_of_calls(store)
    d.a_day_of_agents(store)
    kinds: tuple[FeedKind, ...] = ("contacts", "agent_states", "calls")
    feeds = {kind: plans(kind, rows=3)["one"] for kind in kinds}
    named: dict[str, Any] = {kind: replace(plan, name=kind) for kind, plan in feeds.items()}
    with closing(d.runner_of(store, folder, named)) as runner:
        for kind in kinds:
            assert sum(file.rows for file in runner.run(kind)) > 3
            assert runner.verify(kind, d.DAY).good
            state = runner.store.state(kind)
            assert state.last is not None
            assert (state.waiting, state.failing) == (0, None)
            assert len(runner.store.recent(kind, 2)) == 2
            assert runner.store.purge(kind, "20260303", 5.0) > 3
        assert runner.store.names() == sorted(kinds)
