"""What a virtual caller says aloud."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Utterance:
    """``until``: when it ends, seconds since the epoch. No ``text``: a noise that nobody understands."""

    text: str
    confidence: float
    until: float
