"""What the log shows, in lines for people or as JSON: with the call's id, and without anybody's number.

Calls, agents and customers are named by their ids. Numbers are masked here, whatever a message, a header of the switch
or an exception brings along; names, texts and keys are not logged by anybody, which a test holds the program to.
"""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The call that is being handled. Each greenlet has its own.
CALL: ContextVar[str] = ContextVar("cti_call", default="")
TEXT = "%(asctime)s %(levelname)-7s %(name)-10s %(message)s"
#: Ids, dates and decimals are let through; other runs of seven digits or more (a local number is that long) are not.
_KEPT = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]+\.[0-9]+"
_NUMBER = re.compile(rf"({_KEPT})|(?<![0-9.])(\+?[0-9](?:[ -]?[0-9]){{6,19}})(?![0-9])")
_OF_CALL = re.compile(r"\bcall ([0-9a-fA-F-]{36})(?![0-9a-fA-F-])")


def without_numbers(text: str) -> str:
    """Of each number the last two digits are left, so that lines can be told apart; ids stay."""
    return _NUMBER.sub(lambda found: found[1] or "*" * (len(found[2]) - 2) + found[2][-2:], text)


class TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__(TEXT, "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return without_numbers(super().format(record))


class JsonFormatter(logging.Formatter):
    """One object a line: ``at`` (UTC), ``level``, ``logger``, ``message``; ``call`` where a call is meant,
    ``exception`` where there was one; and ``always``, such as the node."""

    def __init__(self, always: Mapping[str, str]) -> None:
        super().__init__()
        self._always = dict(always)

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_numbers(message),
            **self._always,
        }
        if call := CALL.get() or (found[1] if (found := _OF_CALL.search(message)) else ""):
            line["call"] = call
        if record.exc_info:
            line["exception"] = without_numbers(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def set_up(level: int, formatter: logging.Formatter, stream: TextIO | None = None) -> None:
    """Everything that is logged from here on goes to ``stream``, or to standard error, like this."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    logging.getLogger("alembic").setLevel(max(level, logging.WARNING))  # tells of each of its plugins otherwise
    logging.getLogger("paramiko").setLevel(max(level, logging.WARNING))  # tells of every channel
