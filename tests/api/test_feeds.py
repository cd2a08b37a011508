"""Outbound feeds by the API: how they are, their batches, and that who may has one looked after, on record."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from cti.api.feed_metrics import FeedCollector
from cti.core.access import Permission
from cti.core.calls import TerminalCause
from cti.core.errors import CtiError
from cti.core.records import CallEnded, CallStarted
from tests.api.site import Platform

NUMBER = "13800009999"


@pytest.fixture(scope="module")
def fed(platform: Platform) -> Platform:
    """Three calls of yesterday, none of which has arrived: there is no folder."""
    begin = platform.feeds._span(platform.feeds._due(platform.feeds.plan("daily"))[0])[0]
    for number in range(3):
        platform.store.record(CallStarted(f"f{number}", "fs", "10086", begin + number, caller=NUMBER))
        platform.store.record(CallEnded(f"f{number}", begin + 9, TerminalCause.CALLER_HANGUP))
    assert platform.store.flush(30.0)
    with pytest.raises(CtiError):
        platform.feeds.run("daily")
    return platform


def test_how_they_are_is_told_without_personal_data(fed: Platform) -> None:
    told = fed.do("auditor", "GET", "/v1/feeds")
    (feed,) = told.json["items"]
    assert (feed["feed"], feed["kind"], feed["way"], feed["last"]) == ("daily", "calls", "folder", None)
    assert (feed["waiting"]["batches"], feed["waiting"]["rows"]) == (1, 1)
    assert (feed["last_error"]["reason"], feed["last_error"]["attempts"]) == ("feed-folder", 1)
    assert NUMBER[-4:] not in told.text


def test_its_batches_are_told_by_pages(fed: Platform) -> None:
    Path(fed.office.folder, "feeds").mkdir()
    fed.feeds.run("daily")
    first = fed.do("root", "GET", "/v1/feeds/daily/runs", params={"limit": "2"}).json
    last = fed.do("root", "GET", "/v1/feeds/daily/runs", params={"limit": "2", "after": first["next"]}).json
    assert [len(first["items"]), len(last["items"]), last["next"]] == [2, 1, None]
    numbers = [one["number"][-3:] for one in [*first["items"], *last["items"]]]
    assert numbers == ["003", "002", "001"]
    assert last["items"][0]["attempts"] == 1
    assert all(one["delivered_at"] and one["rows"] == 1 and len(one["digest"]) == 64 for one in first["items"])
    assert fed.do("root", "GET", "/v1/feeds/daily/runs", params={"after": "x"}).json["error_id"] == "bad-cursor"
    assert fed.do("root", "GET", "/v1/feeds/nothing/runs").json["error_id"] == "unknown-feed"


def test_who_may_has_it_looked_after_and_that_is_on_record(fed: Platform) -> None:
    before = len(fed.feeds.asked)
    options = {"headers": {"Idempotency-Key": "feed-1"}}
    for _ in range(2):
        told = fed.do("root", "POST", "/v1/feeds/daily/run", {"reason": "it is back"}, **options)
        assert (told.status_code, told.json["feed"]) == (202, "daily")
    assert fed.feeds.asked[before:] == ["daily"]
    (line,) = [line for line in fed.services.store.audit.lines(limit=20) if line.reason == "it is back"]
    assert (line.action, line.target, line.permission, line.reason) == (
        "feed.run", "feed:daily", Permission.FEEDS_RUN, "it is back",
    )  # fmt: skip


def test_figures_tell_age_and_reasons(fed: Platform) -> None:
    fed.feeds.failures["daily", "feed-folder"] = 3
    fed.feeds.states["daily"] = fed.store.accounts.feeds.state("daily")
    registry = CollectorRegistry()
    registry.register(FeedCollector(fed.feeds))
    told = generate_latest(registry).decode()
    assert 'cti_feed_failures_total{feed="daily",reason="feed-folder"} 3.0' in told
    assert 'cti_feed_oldest_undelivered_seconds{feed="daily"} 0.0' in told
