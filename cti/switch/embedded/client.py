"""What the switch remembers about one event-socket connection: login, subscriptions, filters, the call it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.switch.embedded.channel import Channel
from cti.switch.embedded.core import Core
from cti.switch.embedded.event import Event
from cti.switch.embedded.filters import Filters
from cti.switch.embedded.wire import frame

if TYPE_CHECKING:
    from cti.switch.embedded.protocol import Connection


class Client:
    """What the switch remembers about one connection: login, subscriptions, filters."""

    def __init__(self, core: Core, connection: Connection) -> None:
        self.core = core
        self.connection = connection
        self.authenticated = False
        self.listening = False
        self.names: set[str] = set()
        self.subclasses: set[str] = set()
        self.format = "plain"
        self.filters = Filters()
        self.my_events = False
        self.session_uuid = ""
        self.session: Channel | None = None
        self.linger_s: int | None = None
        self.log_level: int | None = None
        self._lingering = False

    # ---- the bus asks ----------------------------------------------------------------------------------------------

    def wants(self, name: str, subclass: str) -> bool:
        if not self.listening:
            return False
        if "ALL" in self.names:
            return True
        if name not in self.names:
            return False
        return name != "CUSTOM" or not subclass or "*" in self.subclasses or subclass in self.subclasses

    def deliver(self, event: Event) -> None:
        if not self.filters.passes(event):
            return
        if self.my_events and event.get("Unique-ID") != self.session_uuid:
            return
        self.connection.queue_event(event)
        if (
            self.session_uuid
            and event.name == "CHANNEL_HANGUP_COMPLETE"
            and event.get("Unique-ID") == self.session_uuid
        ):
            self._session_over(event.get("Channel-Name") or "")

    def _session_over(self, channel_name: str) -> None:
        """The call this connection follows is gone: linger when asked to, else say goodbye."""
        if self._lingering:
            return
        self._lingering = True
        clock = self.core.clock
        if self.linger_s is None:
            clock.call_at(clock.now() + 0.02, self.connection.end)
            return
        notice = frame(
            [
                ("Content-Type", "text/disconnect-notice"),
                ("Controlled-Session-UUID", self.session_uuid),
                ("Content-Disposition", "linger"),
                ("Channel-Name", channel_name),
                ("Linger-Time", str(self.linger_s)),
            ],
            b"",
        )
        clock.call_at(clock.now() + 0.02, lambda: self.connection.queue_log(notice))
        if self.linger_s >= 0:
            clock.call_at(int(clock.now()) + self.linger_s + 1, self.connection.end)

    def log_line(self, level: int, text: str, uuid: str) -> None:
        if self.log_level is None or level > self.log_level:
            return
        body = (text + "\n").encode("utf-8", "surrogateescape")
        head = (
            f"Content-Type: log/data\nContent-Length: {len(body)}\nLog-Level: {level}\nText-Channel: 0\n"
            f"Log-File: mod_dptools.c\nLog-Func: log_function\nLog-Line: 1866\nUser-Data: {uuid}\n\n"
        )
        self.connection.queue_log(head.encode() + body)

    def changed(self) -> None:
        self.core.bus.subscriptions_changed()

    def release(self) -> None:
        self.listening = False
        self.log_level = None
