"""The stream of an agent's client: broken off, ended, renewed, opened by a ticket, read by many."""

from __future__ import annotations

import pytest

from tests.api.worksite import Site, Stream, site

__all__ = ["site"]  # the fixture


def test_a_stream_that_broke_off_goes_on_and_misses_nothing(site: Site) -> None:
    anna = site.working("anna", "1003")
    first = anna.stream()
    snapshot = first.events[0]
    first.close()
    anna.do("PUT", "/v1/me/state", {"state": "NOT_READY", "reason": "break"})
    back = anna.stream(snapshot["id"])
    site.until(lambda: back.events, "what was missed")
    assert [(e["type"], e["data"]["reason"]) for e in back.events[:1]] == [("agent.state_changed", "break")]
    stale = anna.stream("other-7")
    site.until(lambda: len(stale.events) > 1, "everything anew")
    assert stale.types[:2] == ["resync", "snapshot"]
    assert stale.events[0]["data"] == {"reason": "restarted"}


def test_the_newer_session_wins(site: Site) -> None:
    old = site.working("anna", "1003")
    stream = old.stream()
    new = site.client("anna")
    status, answer = new.do("POST", "/v1/me/sign-in", {"phone": "1003"})
    assert (status, answer["state"]) == (200, "READY"), answer
    site.until(stream.ended.is_set, "the end of the older stream")
    assert stream.types[-1] == "session_replaced"
    status, problem = old.do("PUT", "/v1/me/state", {"state": "READY"})
    assert (status, problem["error_id"]) == (409, "session-replaced")
    assert new.do("PUT", "/v1/me/heartbeat")[0] == 200


def test_a_stream_ends_when_the_session_does_and_outlives_a_refresh(site: Site) -> None:
    anna = site.client("anna")
    accounts = site.platform.application.accounts
    via = f"session:{anna.session.session_id}"
    ending = accounts.tokens.good_s(via)
    accounts.sign_in.refresh(anna.session.refresh_token)
    assert (accounts.tokens.good_s(via) or 0.0) >= (ending or 0.0) - 5.0 > 0.0
    stream = anna.stream()
    accounts.tokens._good_until[via] = 0.0
    for subscription in site.platform.application.floor.hub._subscriptions:
        subscription._changed.set()
    site.until(stream.ended.is_set, "the end")
    assert stream.types[-1] == "token_expired"


def test_a_browser_comes_with_a_ticket_once(site: Site) -> None:
    anna = site.client("anna")
    _, answer = anna.do("POST", "/v1/me/stream-ticket")
    first = Stream(anna.port, "", f"?ticket={answer['ticket']}")
    site.until(lambda: first.events, "the snapshot")
    second = Stream(anna.port, "", f"?ticket={answer['ticket']}")
    site.until(second.ended.is_set, "refused")
    assert second.events == []
    first.close()


@pytest.mark.parametrize("count", [50, pytest.param(500, marks=pytest.mark.nightly)])
def test_many_clients_hear_of_an_event(site: Site, count: int) -> None:
    """They are greenlets, and no thread."""
    super_, floor = site.client("super"), site.platform.application.floor
    streams = [super_.stream() for _ in range(10)]
    streams += [Stream(super_.port, super_.headers) for _ in range(count - 10)]
    until = site.platform.until
    until(lambda: all(stream.types[:1] == ["snapshot"] for stream in streams), f"{count} snapshots", 100.0)
    assert len(floor.hub._subscriptions) == count
    super_.do("PATCH", "/v1/queues/desk", {"opened": False})
    until(lambda: all("queue.changed" in stream.types for stream in streams), f"{count} have heard", 60.0)
    for stream in streams[10:]:
        stream.close()
