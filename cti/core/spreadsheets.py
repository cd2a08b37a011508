"""Text in CSV that a spreadsheet would take for a formula: somebody's reason or title must not run on another's desk.

An apostrophe in front, which is how people write such text into a spreadsheet themselves; what is read back loses it.
"""

from __future__ import annotations

_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(value: object) -> object:
    """As it is written into a cell. Numbers stay numbers.

    >>> harmless("=1+1"), harmless("+8613800001234"), harmless(-3), harmless("lunch")
    ("'=1+1", "'+8613800001234", -3, 'lunch')
    """
    if isinstance(value, str) and (value.startswith(_BEGINS) or _is_marked(value)):
        return f"'{value}"
    return value


def plain(text: str) -> str:
    """As it is read from a cell: what `harmless` made of it is undone.

    >>> plain("'=1+1"), plain("'quoted'"), plain(str(harmless("'=x")))
    ('=1+1', "'quoted'", "'=x")
    """
    return text[1:] if _is_marked(text) else text


def _is_marked(text: str) -> bool:
    return text.startswith("'") and text.lstrip("'").startswith(_BEGINS)
