"""One spelling for a telephone number, so that the same subscriber is found however the number arrives."""

from __future__ import annotations

import re

#: Of the numbers that are national.
COUNTRY_CODE = "86"
_NOT_DIALLED = re.compile(r"[\s\-().·/]+")
_MOBILE = {COUNTRY_CODE: re.compile(r"1[3-9]\d{9}")}
_TRUNK_PREFIX = "0"


def normalise_number(number: str, country_code: str = COUNTRY_CODE) -> str:
    """The national spelling of ``number``: ``+86 138-0000-1234`` is ``13800001234``, ``+861012345678`` ``01012345678``.

    Numbers of other countries keep ``+`` and their country code; short numbers and addresses that are not numbers
    (``alice@example.org``, ``anonymous``) come back as they are, without blanks and in lower case.
    """
    text = _NOT_DIALLED.sub("", number).lower()
    if text.startswith("00"):
        text = "+" + text[2:]
    international = text.startswith("+")
    digits = text[1:] if international else text
    if not digits.isascii() or not digits.isdigit():
        return re.sub(r"\s+", "", number).lower()
    if international and not digits.startswith(country_code):
        return text
    mobile = _MOBILE.get(country_code)
    rest = digits.removeprefix(country_code)
    if mobile is not None and mobile.fullmatch(rest):
        return rest
    if international:
        return rest if rest.startswith(_TRUNK_PREFIX) else _TRUNK_PREFIX + rest
    return digits
