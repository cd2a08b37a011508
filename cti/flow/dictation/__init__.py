"""What was said, as one would write it: 一三八… as 138…, 八十八块五 as 88.5, "half past nine" as 09:30.

Recognisers give words as they were spoken, or figures already, or both mixed; all of these are taken. What is not
understood comes back as it was, so that the type of the variable refuses it. A language without a reader here (any but
Chinese and English) is taken as it was written by the recogniser.
"""

from __future__ import annotations

import unicodedata
from typing import Protocol

from cti.flow.dictation.chinese import ChineseReader
from cti.flow.dictation.english import EnglishReader
from cti.flow.types import Type

__all__ = ["Reader", "find_reader", "is_no", "is_yes", "understand"]

MAX_SAID = 200  # characters: a longer utterance is no value of any type that can be collected


class Reader(Protocol):
    """Of one language. Each gives None where the words say no such thing."""

    yes: frozenset[str]
    no: frozenset[str]

    def digits(self, said: str) -> str | None:
        """0-9 alone."""

    def number(self, said: str) -> str | None:
        """Such as 88.5, also of an amount of money."""

    def date(self, said: str) -> str | None:
        """YYYY-MM-DD."""

    def time(self, said: str) -> str | None:
        """HH:MM."""


_READERS: dict[str, Reader] = {"zh": ChineseReader(), "en": EnglishReader()}


def find_reader(language: str) -> Reader | None:
    return _READERS.get(language.split("-")[0].lower())


def understand(kind: Type, said: str, language: str) -> str:
    """The text that spells the value of ``kind`` which ``said`` names in ``language``; ``said`` when it names none."""
    reader = find_reader(language)
    text = _plain(said)
    if reader is None or not text or len(text) > MAX_SAID:
        return said
    match kind.kind:
        case "phone" | "text":
            found = reader.digits(text)
        case "int" | "decimal":
            found = reader.number(text)
            if kind.kind == "int" and found is not None and "." in found:
                found = None  # ten cents are no whole number
        case "date":
            found = reader.date(text)
        case "time":
            found = reader.time(text)
        case _:
            found = None
    return said if found is None else found


def is_yes(said: str, language: str) -> bool:
    reader = find_reader(language)
    return reader is not None and _plain(said) in reader.yes


def is_no(said: str, language: str) -> bool:
    reader = find_reader(language)
    return reader is not None and _plain(said) in reader.no


def _plain(said: str) -> str:
    """Without the punctuation that recognisers set; small letters, one blank between words."""
    text = unicodedata.normalize("NFKC", said).casefold()
    kept = "".join(" " if char in ",;!?。、!?，；" else char for char in text)
    return " ".join(kept.split()).strip(". ")
