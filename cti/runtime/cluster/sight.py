"""Who is there, as one process sees it: what the database says, and for how long it has stood still. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.ports.cluster import GONE_S, Leader, Member, read_holder
from cti.runtime.job_owner import LEADING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cti.store.cluster import LeaseSeen, MemberRow

#: Who has not looked for so long does not know for how long others were silent: everybody begins anew.
BLIND_S = 2.0
#: After which another takes the lease.
LEASE_OVER_S = LEADING.over_s


class Sight:
    def __init__(self) -> None:
        self._looked: float | None = None
        self._since: dict[str, tuple[str, int, float]] = {}  # address -> stream, beats, first seen so at
        self._lease: tuple[LeaseSeen | None, float] = (None, 0.0)
        self.there: dict[str, MemberRow] = {}

    def forget(self) -> None:
        """Nothing is known any more."""
        self._looked = None
        self._since.clear()
        self.there = {}

    def look(self, rows: Sequence[MemberRow], lease: LeaseSeen | None, began: float, ended: float) -> list[MemberRow]:
        """What was read between the two moments. The members that were silent for too long."""
        if self._looked is None or began - self._looked > BLIND_S:
            self._since.clear()
            self._lease = (None, ended)
        self._looked = ended
        self.there = {row.member.address: row for row in rows if not row.gone}
        silent = []
        for address, row in self.there.items():
            stream, beats, since = self._since.get(address, ("", -1, 0.0))
            if (stream, beats) != (row.stream, row.beats):
                self._since[address] = row.stream, row.beats, ended
            elif began - since >= GONE_S:
                silent.append(row)
        if lease != self._lease[0]:
            self._lease = lease, ended
        return silent

    def members(self) -> dict[str, Member]:
        return {address: row.member for address, row in self.there.items()}

    def leader(self) -> Leader | None:
        """Holder of the lease, if that is renewed and its process is there."""
        lease, since = self._lease
        if lease is None or self._looked is None or self._looked - since >= LEASE_OVER_S:
            return None
        address, run = read_holder(lease.holder)
        row = self.there.get(address)
        return Leader(address, run, lease.epoch) if row is not None and row.member.run == run else None

    def stream_of(self, address: str, run: str) -> str | None:
        row = self.there.get(address)
        return row.stream if row is not None and row.member.run == run else None

    def senders(self) -> Mapping[str, Member]:
        """By stream."""
        return {row.stream: row.member for row in self.there.values()}
