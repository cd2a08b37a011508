"""A whole platform in one process: embedded switch, engine, API. For the demo and the telephone in the terminal.

Everything speaks over real sockets on loopback; only the telephones are virtual.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cti.app import Application, ShiftedClock
from cti.boss import DEMO_DATABASE, DEMO_INTERFACES, ensure_demo_database
from cti.boss.demo_systems import Systems, start_systems, with_systems
from cti.config import load_settings
from cti.core.script import HangUp
from cti.switch.embedded import EmbeddedSwitch, SwitchConfig, parse_script
from cti.switch.sandbox import script_item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from cti.core.script import Step
    from cti.ports import MessageChannel
    from cti.switch.embedded import VirtualCaller
    from cti.switch.embedded.caller import Observer

DOMAIN = "cti.local"
QUIET_S = 2.0
#: The number under which `cti flow call` reaches a flow past the entry table.
DIRECT = "000000"
CONFIG = """\
# Written by the demo at every start. `cti serve` takes the same words; see docs/configuration.md.
node: demo
data: .
flows: {flows}
switches:
  - {{name: demo, host: 127.0.0.1, port: {port}, kind: embedded, password_file: event_socket.secret}}
api: {{host: 127.0.0.1, port: {api_port}}}
worker: {{drain_s: 1}}
dialing: {{trunks: [carrier], allowed: ["86"]}}
reload: {{watch: {watch}}}
queues:
  service: {service}
{boss}"""
#: Phones that ring although nobody has signed in: enough for a single call.
HUNT_GROUP = "{agents: [1001, 1002, 1003]}"


def _say_nothing(_: str) -> None:
    """Nobody signs in to a platform that lasts for one call."""


@dataclass(slots=True)
class Demo:
    """``folder`` keeps database, keys and settings; ``api_port`` 0: any free one; ``direct``: the flow that the number
    `DIRECT` meets, whatever the entry table says; ``at``: what the platform's wall clock shows at the start;
    ``channels``: who takes the messages, by name; ``announce`` shows the first administrator's one-time password;
    ``service``: settings of the queue of that name; ``billing``: two processes answer for
    subscribers, one by a socket and one by HTTP, and deliver bills."""

    folder: Path
    flows: Path
    api_port: int = 8080
    direct: str | None = None
    at: datetime | None = None
    channels: Mapping[str, MessageChannel] | None = None
    announce: Callable[[str], None] = _say_nothing
    service: str = HUNT_GROUP
    billing: bool = False

    def start(self) -> Platform:
        self.folder.mkdir(parents=True, exist_ok=True)
        password = secrets.token_urlsafe(24)
        switch = EmbeddedSwitch(SwitchConfig(password=password, domain=DOMAIN, gateways={"carrier": True}))
        port = switch.start()
        secret = self.folder / "event_socket.secret"
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(password + "\n")
        config = self.folder / "cti.yaml"
        config.write_text(
            CONFIG.format(
                flows=self.flows.resolve(),
                port=port,
                api_port=self.api_port,
                service=self.service,
                watch="false" if self.direct else "true",  # one call keeps its version anyway
                boss="boss: {file: interfaces.yaml}\n" if self.billing else "",
            ),
            encoding="utf-8",
        )
        direct = {DIRECT: self.direct} if self.direct else None
        clock = ShiftedClock(self.at.timestamp()) if self.at else None
        billing = self._billing() if self.billing else None
        application = Application(
            load_settings(config), direct=direct, clock=clock, channels=self.channels, announce=self.announce
        )
        application.start()
        return Platform(switch, application, billing)

    def _billing(self) -> Systems:
        systems = start_systems(ensure_demo_database(self.folder / DEMO_DATABASE))
        interfaces = with_systems(DEMO_INTERFACES.read_text(encoding="utf-8"), systems.mobile_port, systems.fixed_port)
        (self.folder / "interfaces.yaml").write_text(interfaces, encoding="utf-8")
        return systems


@dataclass(slots=True)
class Platform:
    switch: EmbeddedSwitch
    application: Application
    billing: Systems | None = None

    def call(self, number: str, called: str, script: Sequence[Step], observer: Observer) -> VirtualCaller:
        """Somebody dials; ``observer`` is told what they hear, type, and how it ends.

        A script that does not hang up ends with a caller who does so once the other side has fallen silent.
        """
        items = [script_item(step) for step in script]
        patient = [] if not script or isinstance(script[-1], HangUp) else [{"quiet": QUIET_S}, "h"]
        return self.switch.call(number, called, script=parse_script([*items, *patient]), observer=observer)

    def stop(self) -> None:
        self.application.stop()
        self.end()

    def end(self) -> None:
        """What is left when the application has stopped."""
        self.switch.stop()
        if self.billing is not None:
            self.billing.stop()
