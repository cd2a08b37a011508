"""With which keys the interface server seals: a ring of its own (``security.keys`` of its file) or the platform's.

What the platform's ring sealed before there was an own one still opens, and so does what an earlier key of either
sealed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cti.store.sealing import SealBroken, Sealer, UnknownKey

T = TypeVar("T")


class OfficeSealer:
    """As `Sealer`. One for all that the interface server keeps, so that another ring holds everywhere at once."""

    def __init__(self, platform: Sealer) -> None:
        self._platform = self._used = platform

    def use(self, own: Sealer | None) -> None:
        """From now on these keys seal; None: the platform's."""
        self._used = own or self._platform

    @property
    def active(self) -> str:
        return self._used.active

    def seal(self, text: str, context: str) -> str:
        return self._used.seal(text, context)

    def open(self, sealed: str, context: str) -> str:
        """Raises SealBroken; UnknownKey: neither ring holds the key."""
        return self._opened(lambda ring: ring.open(sealed, context))

    def seal_bytes(self, data: bytes, context: str) -> bytes:
        return self._used.seal_bytes(data, context)

    def open_bytes(self, sealed: bytes, context: str) -> bytes:
        """Raises as `open`."""
        return self._opened(lambda ring: ring.open_bytes(sealed, context))

    def blind(self, text: str) -> str:
        return self._used.blind(text)

    def _opened(self, work: Callable[[Sealer], T]) -> T:
        """Both rings may have a key of the same id: their keys are others all the same."""
        try:
            return work(self._used)
        except SealBroken as error:
            if self._used is self._platform:
                raise
            first = error
        try:
            return work(self._platform)
        except SealBroken as error:
            raise (error if isinstance(first, UnknownKey) else first) from None
