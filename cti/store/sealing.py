"""Encryption of single values and the blind index by which a number is found without being readable.

A sealed value is ``<key id>.<base64url(nonce ‖ ciphertext ‖ tag)>``: AES-256-GCM, 96-bit random nonce (good for 2^32
values per key: rotate long before, see NIST SP 800-38D §8.3). The associated data names table, column and call, so that
a value copied to another row does not decrypt. The index is HMAC-SHA256 under a key of its own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import zlib
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cti.core.errors import CtiError

KEY_BYTES = 32
_NONCE_BYTES = 12
_SMALL, _WINDOW_BITS, _MEMORY_LEVEL = 8 * 1024, 13, 6
UNKNOWN_KEY = "unknown-key"


def compress(data: bytes, level: int) -> bytes:
    """For `zlib.decompress`. What is small gets a small window: making the usual one ready, a quarter of a megabyte,
    can take three times as long as the work itself."""
    if len(data) > _SMALL:
        return zlib.compress(data, level)
    packing = zlib.compressobj(level, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
    return packing.compress(data) + packing.flush()


class SealBroken(CtiError):
    """A sealed value does not open: wrong key, another row's value, or a damaged one."""

    code = "seal-broken"


class UnknownKey(SealBroken):
    """It is sealed with a key that the ring does not hold; nothing is wrong with it otherwise."""

    code = UNKNOWN_KEY
    problem = "key-missing"  # of the API, where an unknown key is one of a machine

    def __init__(self, key_id: str, context: str) -> None:
        self.key_id = key_id[:32]
        super().__init__(
            f"a value of {context} is sealed with key '{self.key_id}', which the key ring does not hold",
            remedy="put that key back into the key ring from a backup",
        )


class Sealer:
    """Seals with the active key, opens with any key of the ring."""

    def __init__(self, keys: Mapping[str, bytes], active: str, blind_key: bytes) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._active = active
        self._blind_key = blind_key

    @property
    def active(self) -> str:
        return self._active

    @property
    def key_ids(self) -> frozenset[str]:
        return frozenset(self._ciphers)

    def seal(self, text: str, context: str, *, key_id: str | None = None) -> str:
        key_id = key_id or self._active
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[key_id].encrypt(nonce, text.encode(), context.encode())
        return f"{key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """Raises SealBroken."""
        key_id, dot, body = sealed.partition(".")
        cipher = self._ciphers.get(key_id)
        if not dot or cipher is None:
            raise UnknownKey(key_id, context)
        try:
            raw = base64.urlsafe_b64decode(body)
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise SealBroken(f"a value of {context} does not decrypt: it was changed or moved") from error

    def seal_bytes(self, data: bytes, context: str) -> bytes:
        """As `seal`, for a column of bytes: ``<key id>.<nonce ‖ ciphertext ‖ tag>``, a third shorter."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._active].encrypt(nonce, data, context.encode())
        return self._active.encode() + b"." + nonce + sealed

    def open_bytes(self, sealed: bytes, context: str) -> bytes:
        """Raises SealBroken."""
        key_id, _, raw = sealed.partition(b".")
        cipher = self._ciphers.get(key_id.decode("ascii", "replace"))
        if cipher is None:
            raise UnknownKey(key_id.decode("ascii", "replace"), context)
        try:
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"a value of {context} does not decrypt: it was changed or moved") from error

    def blind(self, text: str) -> str:
        """The index of ``text``: equal texts have equal indexes, nothing else can be told from one."""
        return hmac.new(self._blind_key, text.encode(), hashlib.sha256).hexdigest()
