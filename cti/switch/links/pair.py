"""An event link and a command link to one switch, made together, lost together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from cti.core.errors import CtiError, SwitchUnavailable
from cti.esl import Event, Frame, api, events, filter_add
from cti.switch.links.ahead import Reader, Standing
from cti.switch.links.errors import LinkLost
from cti.switch.links.link import Link
from cti.switch.links.mailbox import Mailbox
from cti.switch.links.pending import Pending
from cti.switch.links.settings import NEEDED_EVENTS, LinkSettings

_CORE_UUID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{7,63}")


class LinkPair:
    """Queued events starve the commands of their own link (DESIGN 3.1), hence two.

    ``on_event`` and ``on_job`` get events; ``attention`` is called when a link ends or events were dropped.
    """

    def __init__(
        self,
        settings: LinkSettings,
        name: str,
        *,
        on_event: Callable[[Event], object],
        on_job: Callable[[Event], object],
        attention: Callable[[], object],
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._attention = attention
        self.standing = Standing.UNKNOWN  # of the switch's thread that reads the commands
        self.missed = False  # events were dropped because the sink was too slow
        self.commands = self._link(f"{name}/commands")
        self.events = self._link(f"{name}/events")
        self.events.register_handle("*", self._pass)
        self.events.register_handle("BACKGROUND_JOB", on_job)
        self.inbox: Mailbox = self.events.mailbox(self._pass)

    def _link(self, name: str) -> Link:
        s = self._settings
        return Link(
            s.host,
            s.port,
            s.password,
            s.connect_timeout_s,
            name=name,
            reply_timeout_s=s.reply_timeout_s,
            mailbox_limit=s.mailbox_limit,
            on_overflow=self._overflow,
        )

    def _pass(self, event: Event | Frame) -> None:
        if not isinstance(event, Frame):  # the notice of the end is told by other means
            self._on_event(event)

    def _overflow(self, _handler: object, _missing: int) -> None:
        self.missed = True
        self._attention()

    def connect(self, filters: Iterable[tuple[str, str]]) -> None:
        """Connect one after the other (the switch's backlog is 5) and subscribe; events are held back from here on.

        Raises CtiError; nothing is left open then.
        """
        self.inbox.hold()
        try:
            self._connect(self.events)
            reader = Reader.look(self.events.ports)
            self._connect(self.commands)
            self.standing = reader.go_ahead(lambda order: self.commands.request(order, self._settings.reply_timeout_s))
            self._subscribe(filters)
        except BaseException:
            self.close()
            raise

    def _connect(self, link: Link) -> None:
        link.connect()
        link.ended.rawlink(lambda _: self._attention())

    def _subscribe(self, filters: Iterable[tuple[str, str]]) -> None:
        wanted = dict.fromkeys((*self._settings.events, *NEEDED_EVENTS))
        # Filters first: without them the first moments would bring every event of the switch.
        orders = [filter_add(name, value) for name, value in filters]
        orders.append(events("plain", wanted))
        for answer in [self.events.submit(order) for order in orders]:
            reply = answer.wait(self._settings.reply_timeout_s).reply
            if not reply.startswith("+OK"):
                raise SwitchUnavailable(f"the switch refused the subscription: {reply[:100]}", code="bad-reply")

    def snapshot(self) -> tuple[str, list[dict[str, Any]]]:
        """(Core-UUID, rows of ``show channels``). Raises CtiError."""
        timeout = self._settings.reply_timeout_s
        core = self.commands.submit(api("global_getvar", "core_uuid"))
        rows = self.commands.submit(api("show", "channels", "as", "json"))
        core_uuid = core.wait(timeout).reply.strip()
        if not _CORE_UUID.fullmatch(core_uuid):
            raise SwitchUnavailable(
                f"the switch does not tell its core_uuid but {core_uuid[:60]!r}",
                code="bad-reply",
                remedy="allow `global_getvar` and `show` to this event-socket user",
            )
        return core_uuid, parse_rows(rows.wait(timeout).reply)

    def probe(self, now_s: float) -> None:
        """Ask links that were quiet for long; one that does not answer is given up."""
        asked: list[tuple[Link, Pending[Frame]]] = []
        for link in (self.events, self.commands):
            if link.connected and now_s - link.last_received_s >= self._settings.quiet_s:
                asked.append((link, link.submit(api("uptime"))))
        for link, answer in asked:
            try:
                answer.wait(self._settings.probe_timeout_s)
            except CtiError:
                quiet = f"silent for {now_s - link.last_received_s + self._settings.probe_timeout_s:.0f} s"
                link.fail(LinkLost(f"{link.name}: {quiet} and no answer to a probe", code="switch-silent"))

    @property
    def lost(self) -> LinkLost | None:
        """Why the pair is of no use any more; None while both links live."""
        return self.events.reason or self.commands.reason

    @property
    def connected(self) -> bool:
        return bool(self.events.connected and self.commands.connected)

    def close(self, *, handle_rest: bool = False, goodbye: bool = False) -> None:
        """End both links; with ``handle_rest`` the events that came are still handled, within the connect timeout."""
        if handle_rest:
            self.inbox.release()
        else:
            self.inbox.kill()
        for link in (self.events, self.commands):
            if not goodbye:
                link.fail(LinkLost("the other link of the pair was lost" if self.lost else "given up"))
            link.stop()


def parse_rows(text: str) -> list[dict[str, Any]]:
    """The rows of ``show … as json``; with none the switch leaves them out. Raises SwitchUnavailable ``bad-reply``."""
    try:
        loaded = json.loads(text)
        rows = loaded.get("rows", [])
    except (ValueError, AttributeError, RecursionError):
        raise SwitchUnavailable(f"show channels answered {text[:100]!r}", code="bad-reply") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SwitchUnavailable("show channels answered in no known form", code="bad-reply")
    return rows
