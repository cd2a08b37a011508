"""Calls with known numbers, names, keys and texts go through an engine; at no level of logging is one of them told."""

from __future__ import annotations

import io
import json
import logging

import pytest

from cti.core.calls import Medium
from cti.logs import JsonFormatter, set_up
from cti.switch.embedded import Hear, Keys
from tests.runtime.platform import NUMBERS, Platform, uuid_of

NUMBER, OTHER, NAME, PIN, TEXT = "13812345678", "01088887777", "Wang Xiaoming", "9182", "my secret sentence"


@pytest.fixture
def everything() -> io.StringIO:
    """What is logged at DEBUG and above, before the platform starts."""
    found = io.StringIO()
    set_up(logging.DEBUG, JsonFormatter({}), found)
    return found


def test_no_number_name_key_or_text_of_anybody_is_logged(everything: io.StringIO, platform: Platform) -> None:
    platform.phone("1001", answer_after=0.05, hangup_after=0.2)
    calls = [
        platform.call("balance", number=NUMBER, name=NAME),
        platform.call("told", number=NUMBER, name=NAME),
        platform.call("collect", Hear("code"), Keys(PIN, 0.05), number=NUMBER, name=NAME),
        platform.call("queue", number=OTHER, name=NAME),
        platform.call("limit", number=NUMBER, name=NAME),
        platform.call("broken", number=NUMBER, name=NAME),
    ]
    for caller in calls:
        platform.until(lambda caller=caller: caller.channel, "it has begun")  # type: ignore[misc]
    logging.getLogger("cti.trial").info("%s", uuid_of(calls[0]))
    platform.over(calls[0])
    platform.over(calls[3])
    for caller in calls:
        caller.hangup()
        platform.over(caller)
    lines = [json.loads(line) for line in everything.getvalue().splitlines()]
    assert any(line.get("call") in {uuid_of(caller) for caller in calls} for line in lines)
    assert {line["level"] for line in lines} >= {"info", "warning"}
    for private in (NUMBER, NUMBER[3:], OTHER, NAME, "Xiaoming", f'"{PIN}"', f"'{PIN}'", f" {PIN}", TEXT):
        assert [line for line in lines if private in json.dumps(line, ensure_ascii=False)] == []


def test_what_customers_write_is_not_logged(everything: io.StringIO, platform: Platform) -> None:
    platform.application.conversations.receive(Medium.SMS, NUMBER, NUMBERS["sms"], TEXT)
    platform.until(lambda: platform.application.engine.figures().started, "a conversation")
    platform.until(lambda: platform.application.store.flush(30.0), "its record")
    assert TEXT not in everything.getvalue()
    assert NUMBER not in everything.getvalue()
