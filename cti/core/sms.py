"""How many short messages a text takes (3GPP TS 23.038, 23.040)."""

from __future__ import annotations

#: The basic character set of GSM 7 bit, and what takes two of its places.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")
#: Places in one message, and in each part of a longer one, which holds a header.
_SEPTETS, _SEPTETS_OF_MANY = 160, 153
_UNITS, _UNITS_OF_MANY = 70, 67  # of UCS-2


def parts_of(text: str) -> int:
    """1 for the empty text.

    >>> parts_of("x" * 160), parts_of("x" * 161), parts_of("好" * 70), parts_of("好" * 71)
    (1, 2, 1, 2)
    """
    if all(char in _BASIC or char in _EXTENDED for char in text):
        length = len(text) + sum(char in _EXTENDED for char in text)
        whole, many = _SEPTETS, _SEPTETS_OF_MANY
    else:
        length = len(text.encode("utf-16-be", "surrogatepass")) // 2
        whole, many = _UNITS, _UNITS_OF_MANY
    return 1 if length <= whole else -(-length // many)
