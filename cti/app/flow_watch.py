"""What a process with the role flow tells machines that watch it, at an address of its own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent

from cti.api.engine_metrics import DatabaseCollector, FlowCollector, LinkCollector, ProcessFigures
from cti.api.office_metrics import OfficeCollector
from cti.api.server import listen, make_server
from cti.api.watching import create_watch
from cti.core.errors import ConfigError

if TYPE_CHECKING:
    from gevent.pywsgi import WSGIServer

    from cti.app.calls_side import CallsSide
    from cti.app.ground import Ground
    from cti.ports.cluster import Bus
    from cti.runtime.engine import Figures

log = logging.getLogger("cti.app")

#: An address that somebody else has is tried again after this time: calls do not wait for it.
AGAIN_S = 5.0


class FlowWatch:
    """Implements `cti.api.operations.Vitals`."""

    def __init__(self, ground: Ground, calls: CallsSide, bus: Bus) -> None:
        self._ground, self._calls, self._told = ground, calls, ground.settings.figures
        settings = ground.settings
        self._app = create_watch(
            self,
            ground.store,
            lambda: bus.leader() is not None,
            OfficeCollector(ground.office),
            LinkCollector(calls.switches),
            DatabaseCollector(ground.store),
            FlowCollector(ground.reloader),
            ProcessFigures(ground.overload, settings.node, settings.worker.slot),
        )
        self._server: WSGIServer | None = None

    def run(self) -> None:
        """Until it listens."""
        while self._told.port is not None and self._server is None:
            server = make_server(self._told.host, self._told.port, self._app)
            try:
                listen(server)
            except ConfigError as error:
                log.error("nobody can watch this process: %s", error.message)
                gevent.sleep(AGAIN_S)
                continue
            self._server = server
            log.info("figures on http://%s:%d/metrics", self._told.host, server.server_port)

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(timeout=1)

    def figures(self) -> Figures:
        return self._calls.engine.figures()

    def switches(self) -> dict[str, str]:
        return self._calls.states()

    def overloads(self) -> dict[tuple[str, str], bool]:
        return self._ground.overload.states()
