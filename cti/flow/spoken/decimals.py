"""A decimal taken apart."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

PLACES = 12
_EXACT = Context(prec=64, rounding=ROUND_HALF_EVEN)


def rounded(value: Decimal | int) -> Decimal:
    """To 12 places, halves to even as Babel shows it, without zeros at the end."""
    quantized = Decimal(value).quantize(Decimal(1).scaleb(-PLACES), context=_EXACT)
    return Decimal(int(quantized)) if quantized == int(quantized) else quantized.normalize(_EXACT)


def split_decimal(value: Decimal) -> tuple[bool, int, str]:
    """(is negative, whole part, decimals without zeros at the end)."""
    shown = format(abs(rounded(value)), "f")
    whole, _, decimals = shown.partition(".")
    return value < 0, int(whole), decimals
