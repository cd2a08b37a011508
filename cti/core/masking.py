"""Masking of personal data in every output. Keeps enough to recognise, not enough to dial."""

from __future__ import annotations

import re

MASK = "*"
#: What people write of themselves: numbers of 7 digits or more (telephones, cards, papers), however they are parted,
#: and addresses of e-mail.
_NUMBER = re.compile(r"\+?\d(?:[ .\-/]{0,2}\d){6,}")
_ADDRESS = re.compile(r"[^\s@<>,;:]{1,64}@(?=[^\s@]{1,255})")


def mask(text: str, head: int = 3, tail: int = 4) -> str:
    """Keep ``head`` leading and ``tail`` trailing characters; a text too short for that is masked whole.

    >>> mask("13800001234")
    '138****1234'
    """
    hidden = len(text) - head - tail
    if hidden <= 0:
        return MASK * len(text)
    return text[:head] + MASK * hidden + (text[-tail:] if tail else "")


def mask_all(text: str) -> str:
    """A secret shows not even its length."""
    return MASK * 6 if text else ""


def mask_text(text: str) -> str:
    """What somebody wrote, without the numbers and addresses in it.

    >>> mask_text("call 138 0000 1234, or wang@example.com")
    'call 138******1234, or ******@example.com'
    """
    return _ADDRESS.sub(f"{MASK * 6}@", _NUMBER.sub(lambda found: mask(found.group()), text))
