"""Which passwords a person may choose: long ones that are not guessed first (NIST SP 800-63B §3.1.1.2).

No rule about kinds of characters and no expiry: both make people choose worse ones.
"""

from __future__ import annotations

import unicodedata

from cti.core.errors import CtiError

LENGTH_MIN, LENGTH_MAX = 12, 128
#: Beginnings of what is tried first. Compared in lower case without what is not a letter or digit.
_COMMON = (
    "password", "passw0rd", "123456", "qwerty", "qwertz", "azerty", "asdfgh", "letmein", "iloveyou", "welcome",
    "changeme", "administrator", "woaini", "abc123", "abcdef", "987654", "1q2w3e", "admin123",
)  # fmt: skip
_DIFFERENT_MIN = 5
_NAME_MIN = 4  # shorter ones stand in any sentence


class WeakPassword(CtiError):
    code = "weak-password"


def normalised(password: str) -> str:
    """One spelling for what keyboards and phones write differently (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, name: str) -> str:
    """The password as it is hashed. ``name``: what its owner signs in with. Raises WeakPassword."""
    fit = normalised(password)
    plain = "".join(char for char in fit.lower() if char.isalnum())
    if not LENGTH_MIN <= len(fit) <= LENGTH_MAX:
        raise WeakPassword(
            f"a password has {LENGTH_MIN} to {LENGTH_MAX} characters", remedy="a sentence of four words is a good one"
        )
    if len(set(fit)) < _DIFFERENT_MIN:
        raise WeakPassword("this password has too few different characters")
    if len(name) >= _NAME_MIN and (name.lower() in plain or name.lower() in fit.lower()):
        raise WeakPassword("the password holds the name that it is for")
    if any(plain.startswith(common) or plain[::-1].startswith(common) for common in _COMMON):
        raise WeakPassword("this password is among the first that are tried")
    return fit
