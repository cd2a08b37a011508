"""'Did you mean …?'"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of ``known``, else ''. Cost is bounded: long words are not compared."""
    if len(word) > 60:
        return ""
    found = get_close_matches(word, [name for name in known if len(name) <= 60][:500], n=1, cutoff=0.6)
    return f"; did you mean '{found[0]}'?" if found else ""
