"""Logs say which call and never whose: formats, masking, and calls with known data through an engine."""

from __future__ import annotations

import io
import json
import logging

import pytest

from cti.logs import CALL, JsonFormatter, TextFormatter, set_up, without_numbers

UUID = "12345678-1234-4321-8765-123456789012"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("from 13812345678", "from *********78"),
        ("from +86 138 1234 5678 to 10086", "from ***************78 to 10086"),
        ("call 12345678-1234-4321-8765-123456789012: 5551234", f"call {UUID}: *****34"),
        ("sip:13812345678@10.0.0.1:5060", "sip:*********78@10.0.0.1:5060"),
        ("at 2026-11-25T23:00:00.123456+08:00", "at 2026-11-25T23:00:00.123456+08:00"),
        ("0.0231234567 s", "0.0231234567 s"),
        ("127.0.0.1:8021, 65536 bytes, pid 123456", "127.0.0.1:8021, 65536 bytes, pid 123456"),
        ("\u5ba2\u6237138123456789\u6765\u7535", "\u5ba2\u6237**********89\u6765\u7535"),
        ("number=13812345678x", "number=*********78x"),
    ],
)
def test_numbers_are_masked_and_ids_are_not(said: str, shown: str) -> None:
    assert without_numbers(said) == shown


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_a_line_of_json_has_level_logger_call_and_exception(stream: io.StringIO) -> None:
    set_up(logging.INFO, JsonFormatter({"node": "cti1"}), stream)
    log = logging.getLogger("cti.trial")
    log.info("call %s: %s keys", UUID, 3)
    CALL.set("of-the-greenlet")
    try:
        raise ValueError("bad number 13812345678")
    except ValueError:
        log.exception("it failed\nin two lines")
    log.debug("not shown")
    CALL.set("")
    first, second = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert first.pop("at").endswith("+00:00")
    message = f"call {UUID}: 3 keys"
    assert first == {"level": "info", "logger": "cti.trial", "message": message, "node": "cti1", "call": UUID}
    assert (second["level"], second["call"]) == ("error", "of-the-greenlet")
    assert "ValueError: bad number *********78" in second["exception"]


def test_lines_for_people_are_masked_too(stream: io.StringIO) -> None:
    set_up(logging.INFO, TextFormatter(), stream)
    logging.getLogger("cti.trial").warning("call of 13812345678")
    assert stream.getvalue().endswith("WARNING cti.trial  call of *********78\n")
