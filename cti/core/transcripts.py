"""What was written in a conversation by text, line by line.

Times are wall-clock seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: The attribute of a conversation whose customer fetches what was written, so that nothing has to be sent.
FETCHED = "fetched"
#: The attribute of a new call by text that holds what was written first, and of a chat, who opened it.
TEXT, OPENED_BY = "text", "opened_by"


class Author(StrEnum):
    """Who wrote a line."""

    CUSTOMER = "customer"
    FLOW = "flow"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Line:
    """``number`` counts from 1 within a conversation. ``text`` is what went over; ``kept`` what may be kept of it: the
    same, without what a flow calls sensitive (a PIN). ``agent``: who wrote it, of an agent."""

    number: int
    at: float
    author: Author
    text: str
    kept: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class MessageKept:
    """A line, for the store. ``text`` (*sensitive*) is `Line.kept`."""

    call_id: str
    number: int
    at: float
    author: Author
    agent: str
    text: str


@dataclass(frozen=True, slots=True)
class MessageRow:
    """``text``: numbers and addresses in it masked unless asked otherwise."""

    number: int
    at: float
    author: str
    agent: str
    text: str
