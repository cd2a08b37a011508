"""Which address to try, and when to try again. Pure: the time and the chance come from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cti.boss.ways.socket.options import Address

#: For so long an address that failed comes after the others.
BAD_S = 10.0
FIRST_S, MOST_S = 0.1, 10.0


@dataclass
class AddressBook:
    addresses: tuple[Address, ...]
    _bad: dict[Address, float] = field(default_factory=dict)

    def order(self, now: float) -> list[Address]:
        """As configured; those that failed lately last, the longest ago first."""
        bad = {address: since for address, since in self._bad.items() if now - since < BAD_S}
        good = [address for address in self.addresses if address not in bad]
        return good + sorted(bad, key=lambda address: bad[address])

    def failed(self, address: Address, now: float) -> None:
        self._bad[address] = now

    def worked(self, address: Address) -> None:
        self._bad.pop(address, None)


@dataclass
class BackOff:
    """After the n-th failure in a row: a random part (a half at least) of 0.1 s · 2^n, of 10 s at most."""

    chance: Callable[[], float]
    failures: int = 0
    until: float = 0.0
    reason: str = ""

    def failed(self, now: float, reason: str) -> None:
        most = min(MOST_S, FIRST_S * 2 ** min(self.failures, 16))
        self.failures += 1
        self.until, self.reason = now + most * (0.5 + self.chance() / 2), reason

    def worked(self) -> None:
        self.failures, self.until = 0, 0.0
