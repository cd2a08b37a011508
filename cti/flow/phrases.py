"""A filled-in text as pieces that are rendered ahead and joined.

``您的余额是${money(balance)}，谢谢。`` is 您的余额是 | 八十八 元 五角 | pause | 谢谢。: the fixed texts and
the words are fixed, only what is truly free (a name) is rendered for the call. Punctuation between pieces becomes a
pause.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cti.core.commands import Pause, Say
from cti.flow.speech import Spoken
from cti.flow.spoken import PAUSE

COMMA, STOP = Pause(0.15), Pause(0.3)
_CONTROL = dict.fromkeys((*range(32), 127, 133, 8232, 8233), " ")
_STOPS = frozenset("。！？.!?")
_SPOKEN_SIGNS = frozenset("%&@#*/\\‰")  # punctuation by Unicode, but with a name


@dataclass(frozen=True, slots=True)
class Filled:
    """A value in a text; with ``words`` when it is `Spoken`."""

    text: str
    sensitive: bool = False


def clean_text(text: str) -> str:
    """Control characters (a caller's name may bring line ends) become blanks; everything else is literal."""
    return text.strip() if text.isprintable() else text.translate(_CONTROL).strip()


def make_say(pieces: Sequence[str | Filled], language: str) -> Say | None:
    """``pieces`` are fixed texts and values in order; None when there is nothing to say.

    Without a single value that is spoken from words, the text stays whole: one rendering, and the better intonation.
    """
    whole = clean_text("".join(piece if isinstance(piece, str) else piece.text for piece in pieces))
    if not whole:
        return None
    filled = [piece for piece in pieces if isinstance(piece, Filled)]
    if not filled:
        return Say(whole, language)
    sensitive = any(piece.sensitive for piece in filled)
    joined = _joined(pieces, language) if any(isinstance(piece.text, Spoken) for piece in filled) else ()
    return Say(whole, language, False, sensitive, joined)


def fixed_pieces(pieces: Iterable[object], language: str) -> list[Say]:
    """What `make_say` makes of the fixed texts among ``pieces`` when it takes the whole apart."""
    texts = (_apart(piece)[1] for piece in pieces if isinstance(piece, str))
    return [Say(text, language) for text in texts if text]


def _joined(pieces: Sequence[str | Filled], language: str) -> tuple[Say | Pause, ...]:
    found: list[Say | Pause] = []
    for piece in pieces:
        if isinstance(piece, str):
            found += _fixed(piece, language)
        elif isinstance(piece.text, Spoken):
            found += [_word(word, language, piece.sensitive) for word in piece.text.words]
        else:
            before, text, after = _apart(piece.text)
            found += [before, *([Say(text, language, False, piece.sensitive)] if text else []), after]
    return _tidy(found)


@lru_cache(maxsize=4096)
def _fixed(text: str, language: str) -> tuple[Say | Pause, ...]:
    """What the author wrote is the same in every call; values are not kept."""
    before, text, after = _apart(text)
    return (before, Say(text, language), after) if text else (before, after)


@lru_cache(maxsize=4096)
def _word(word: str, language: str, sensitive: bool) -> Say | Pause:
    """One of the language's vocabulary."""
    return Say(word, language, True, sensitive) if word != PAUSE else COMMA


def _tidy(found: list[Say | Pause]) -> tuple[Say | Pause, ...]:
    """Pauses stand between words only, and once: the longest of neighbours."""
    tidy: list[Say | Pause] = []
    for piece in found:
        if not isinstance(piece, Pause):
            tidy.append(piece)
        elif tidy and piece.seconds:
            last = tidy[-1]
            if not isinstance(last, Pause):
                tidy.append(piece)
            elif last.seconds < piece.seconds:
                tidy[-1] = piece
    while tidy and isinstance(tidy[-1], Pause):
        tidy.pop()
    return tuple(tidy)


def _apart(text: str) -> tuple[Pause, str, Pause]:
    """The pause before, the words with the signs behind them (they carry the intonation), the pause after."""
    text = clean_text(text)
    audible = [index for index, char in enumerate(text) if _audible(char)]
    if not audible:
        return _pause(text), "", Pause(0)
    first, last = audible[0], audible[-1]
    return _pause(text[:first]), text[first:], _pause(text[last + 1 :])


def _audible(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNS" or char in _SPOKEN_SIGNS


def _pause(marks: str) -> Pause:
    """Quotes, brackets and blanks are no pause."""
    if any(mark in _STOPS for mark in marks):
        return STOP
    return COMMA if any(mark in "，、；：,;:…—" for mark in marks) else Pause(0)
