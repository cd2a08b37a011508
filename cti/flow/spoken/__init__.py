"""Values as sequences of words from a finite vocabulary, so that all of them can be rendered ahead and joined.

A language is here when its words are; the values of every other language are rendered as a whole, for the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from functools import cache
from typing import Protocol

from cti.flow.spoken.chinese import Chinese
from cti.flow.spoken.currencies import CURRENCIES, SPOKEN_CURRENCIES
from cti.flow.spoken.english import English

__all__ = ["CURRENCIES", "KINDS", "PAUSE", "SPOKEN_CURRENCIES", "Words", "find_words"]

#: Stands between words where a reader would pause.
PAUSE = ""

#: What vocabularies are asked for; money of another currency is ``money:USD``.
KINDS = ("number", "digits", "date", "time", "duration", "money:CNY")


class Words(Protocol):
    """Each method gives the words of one value, all of them in `vocabulary` of its kind; None when it has none."""

    def number(self, value: Decimal) -> list[str] | None:
        """``value`` is finite and has at most 12 decimals."""

    def count(self, value: int) -> list[str] | None:
        """How many of something; in `number`'s vocabulary. ``value`` is not negative."""

    def money(self, value: Decimal, currency: str) -> list[str] | None:
        """``value`` is rounded to cents. None for a currency outside `SPOKEN_CURRENCIES`."""

    def digits(self, text: str) -> list[str] | None:
        """Sign by sign."""

    def date(self, value: date) -> list[str] | None: ...

    def time(self, value: time) -> list[str] | None:
        """To the minute."""

    def duration(self, counts: Sequence[tuple[int, str]]) -> list[str] | None:
        """``counts`` of day, hour, minute, second."""

    def vocabulary(self, kind: str) -> tuple[str, ...]:
        """Every word that a value of ``kind`` can need. Raises KeyError for another kind."""


@cache
def find_words(language: str) -> Words | None:
    """The words of a language tag. Chinese in traditional characters is not here: it needs words of its own."""
    base, *rest = language.lower().split("-")
    if base == "zh" and not {"tw", "hk", "mo", "hant"} & set(rest):
        return Chinese()
    return English() if base == "en" else None
