"""Files of requests and the answers to them, as they are kept: what is sent, what came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file as it is to be written. ``chk``: (name, content) of what comes after it."""

    name: str
    data: bytes
    chk: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class RequestFile:
    """``day``: YYYYMMDD, empty where numbers go on for ever. ``ready``: its last name may have been given already."""

    backend: str
    day: str
    seq: int
    made: MadeFile
    rows: int
    ready: bool


@dataclass(frozen=True, slots=True)
class TakenUp:
    """What a file of answers brought. ``twice``: to questions that had one already; ``strange``: to none of ours.
    ``duplicate``: the same content came under another name, and nothing was taken up."""

    answered: int = 0
    twice: int = 0
    strange: int = 0
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """``sent``: its file stands where it belongs. ``fields`` None: there is no answer yet."""

    sent: bool
    fields: Mapping[str, Any] | None
