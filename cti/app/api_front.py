"""A process with the role ``api``: the front of a cluster on the address of ``api:``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cti.api.forwarding import Front, create_front
from cti.api.server import listen, make_server

if TYPE_CHECKING:
    from cti.config import Settings
    from cti.ports.cluster import Bus, Leader, Member

log = logging.getLogger("cti.app")


class ApiFront:
    """``bus``: started already, or not yet."""

    def __init__(self, settings: Settings, bus: Bus) -> None:
        self._bus, self._api = bus, settings.api
        self.front = Front(self._leader)
        self._server = make_server(settings.api.host, settings.api.port, create_front(self.front))
        bus.led.append(self.front.led)
        bus.watchers.append(self._member)

    def start(self) -> str:
        """The address that it listens on. Raises ConfigError (address-in-use)."""
        listen(self._server)
        address = f"http://{self._api.host}:{self._server.server_port}"
        log.info("requests of clients are passed on to whoever distributes: %s", address)
        mine = self._bus.members().get(self._bus.me)
        if mine is not None:
            self._member(mine, True)
        return address

    def stop(self) -> None:
        self.front.draining = True
        self._server.stop(timeout=1)

    def _leader(self) -> tuple[Leader, str] | None:
        leader = self._bus.leader()
        member = self._bus.members().get(leader.address) if leader is not None else None
        if leader is None or member is None or member.run != leader.run or not member.api:
            return None
        return leader, member.api

    def _member(self, member: Member, here: bool) -> None:
        if here and member.address == self._bus.me and member.draining != self.front.draining:
            self.front.draining = member.draining
            log.warning("drains: /readyz says 503" if member.draining else "drains no more")
