"""A member in a process of its own: ticks without end to who has the address `n1/1`, and answers `t.echo`.

`python -m tests.contract.bus_process URL ADDRESS`
"""

from __future__ import annotations

import sys
import time

import gevent
from sqlalchemy.engine import make_url

from cti.ports.cluster import Message
from cti.runtime.cluster.shared_bus import SharedBus
from cti.store.cluster import ClusterStore
from tests.contract.buses import SEALER, member

TICK_S = 0.05


def main(url: str, address: str) -> None:
    bus = SharedBus(ClusterStore(make_url(url), SEALER), member(address))

    def answer(message: Message) -> None:
        bus.send(message.sender, message.run, "t.answer", dict(message.body))

    bus.listen("t.echo", answer)
    bus.start()
    while True:
        to = bus.members().get("n1/1")
        if to is not None:
            bus.send(to.address, to.run, "t.tick", {"sent": time.clock_gettime(time.CLOCK_BOOTTIME)})
        gevent.sleep(TICK_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
