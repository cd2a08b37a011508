"""The words inside a box, cut to fit."""

from __future__ import annotations

from cti.flow.draw_model import Box
from cti.flow.draw_ports import text_width

BOX_WIDTH, BOX_HEIGHT, ROW = 160.0, 40.0, 14.0
NAME_SIZE, WORD_SIZE = 12.5, 11.0
INSET = 12.0
_NOT_FIRST = "，。、；：？！）」』》”’,.;:?!)]}"


def rows_of(box: Box, width: float) -> list[str]:
    """Two rows of words; the codes of what was found there instead, when something was."""
    room = width - inset_of(box) - 10
    if box.findings:
        codes = list(dict.fromkeys(issue.code for issue in box.findings))
        return [clip(f"✖ {code}", WORD_SIZE, room) for code in codes[:2]]
    words = " ".join(box.words.split())
    if text_width(words, WORD_SIZE) <= room:
        return [words] if words else []
    cut = len(clip(words, WORD_SIZE, room)) - 1
    blank = words.rfind(" ", 0, cut + 1)
    if blank > cut * 0.6:
        cut = blank
    while cut > 1 and words[cut] in _NOT_FIRST:
        cut -= 1
    return [words[:cut].rstrip(), clip(words[cut:].lstrip(), WORD_SIZE, room)]


def inset_of(box: Box) -> float:
    return INSET + 4 if box.ends else INSET


def clip(text: str, size: float, room: float) -> str:
    """At most ``room`` wide, … at its end when it had to be cut."""
    text = " ".join(text.split())
    if text_width(text, size) <= room:
        return text
    while text and text_width(text + "…", size) > room:
        text = text[:-1]
    return text + "…"
