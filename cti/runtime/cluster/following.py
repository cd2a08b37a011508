"""A flow worker's end of the bus: who leads, and what is told to whoever does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cti.core.errors import CtiError, DeadlineExceeded
from cti.runtime.cluster.asking import Asking
from cti.runtime.cluster.leading import HERE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.ports.cluster import Bus, Member, Message

log = logging.getLogger("cti.cluster")


class Following:
    """A leader says itself that it is here (`leading.HERE`), when it can hear. It is lost when it is gone, or when
    another one says so."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self._asking = Asking(bus)
        self._leader: tuple[str, str] | None = None  # address, run
        #: Told of a leader that is here, and of one that is lost.
        self.found: list[Callable[[], None]] = []
        self.lost: list[Callable[[], None]] = []
        bus.listen(HERE, self._here)
        bus.watchers.append(self._member)

    @property
    def led(self) -> bool:
        return self._leader is not None

    def from_leader(self, message: Message) -> bool:
        """What anybody else sends is not heeded."""
        return self._leader == (message.sender, message.run)

    def tell(self, kind: str, body: Mapping[str, Any]) -> bool:
        """False: nobody leads. Raises CtiError (message-too-long)."""
        if self._leader is None:
            return False
        self.bus.send(*self._leader, kind, body)
        return True

    def ask(self, kind: str, body: Mapping[str, Any], timeout_s: float) -> Any:
        """Blocks. Raises DeadlineExceeded."""
        if self._leader is None:
            raise DeadlineExceeded("nobody leads at present")
        return self._asking.ask(*self._leader, kind, body, timeout_s)

    def answer(self, number: str, value: Any) -> None:
        if self._leader is not None:
            self._asking.answer_to(*self._leader, number, value)

    def _here(self, message: Message) -> None:
        if self._leader is not None:
            self._lose()
        self._leader = message.sender, message.run
        log.info("%s distributes (epoch %d)", message.sender, message.epoch)
        _each(self.found)

    def _member(self, member: Member, here: bool) -> None:
        if not here and self._leader == (member.address, member.run):
            log.warning("%s, which distributes, is gone: callers wait on for the next one", member.address)
            self._lose()

    def _lose(self) -> None:
        self._leader = None
        _each(self.lost)


def _each(told: list[Callable[[], None]]) -> None:
    for one in told:
        try:
            one()
        except CtiError as error:
            log.error("%s", error)
