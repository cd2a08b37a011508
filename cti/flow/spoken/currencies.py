"""Names of money, by Babel."""

from __future__ import annotations

from functools import cache

from babel import Locale
from babel.numbers import get_currency_name

#: The money of a bare ``money(x)``.
CURRENCY = "CNY"
#: Other currencies are said too, but their amounts are rendered for the call.
SPOKEN_CURRENCIES = ("CNY", "USD", "EUR", "GBP", "HKD", "MOP", "TWD", "JPY", "KRW", "SGD")
CURRENCIES = frozenset(SPOKEN_CURRENCIES)


@cache
def currency_names(currency: str, language: str) -> tuple[str, str]:
    """(for one, for several)."""
    locale = Locale.parse(language, sep="_")
    return get_currency_name(currency, 1, locale), get_currency_name(currency, 2, locale)
