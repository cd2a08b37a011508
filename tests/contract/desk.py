"""The engine's side: the product's own links, what they heard, and one call in their hands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event as Flag

from cti.esl import Event
from cti.switch.conf import slot_variable
from cti.switch.driver import SUBSCRIBED
from cti.switch.links import LinkSettings, SwitchLinks
from cti.switch.speech import SPEECH_EVENTS

from .rig import LIMIT_S, WORKER, Caller, Rig, wait_for
from .story import RELIED, Line, line

SLOTS = range(4)
#: More than the driver hears: that nothing is left of a channel.
WATCHED = (*SUBSCRIBED, "CHANNEL_HANGUP_COMPLETE", *SPEECH_EVENTS)


class Recorder:
    """A `LinkSink` that keeps all. ``also``: who else is told of events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.also: list[Callable[[Event], None]] = []
        self.ups: list[tuple[str, bool, list[Mapping[str, Any]]]] = []
        self._came = Flag()

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        for told in self.also:
            told(event)
        self._came.set()

    def on_up(self, core_uuid: str, restarted: bool, channels: Sequence[Mapping[str, Any]]) -> None:
        self.ups.append((core_uuid, restarted, list(channels)))

    def on_down(self, reason: str) -> None:
        """Only when the test is over."""

    def wait(self, match: Callable[[Event], bool], what: str, limit_s: float = LIMIT_S, *, after: int = 0) -> Event:
        """The first event from index ``after`` on that matches."""
        until = monotonic() + limit_s
        while True:
            self._came.clear()
            for event in self.events[after:]:
                if match(event):
                    return event
            if not self._came.wait(max(0.0, until - monotonic())):
                names = [(event.name, event.get("Application-UUID")) for event in self.events[after:]]
                raise TimeoutError(f"no {what} within {limit_s} s; came: {names}")


@dataclass
class Call:
    """A caller, parked. ``story`` is what the engine is told about one leg from the arrival on."""

    desk: Desk
    uuid: str
    caller: Caller
    park: Event
    since: int
    names: dict[str, str] = field(default_factory=dict)
    _tokens: Iterator[int] = field(default_factory=lambda: count(1))

    def run(self, application: str, argument: str = "", token: str = "", *, lock: bool = False) -> str:
        """Order an application; the token that its completion will carry."""
        token = token or f"{application}.{next(self._tokens)}"
        sent = self.desk.links.execute(self.uuid, application, argument, event_uuid=token, event_lock=lock)
        assert sent.wait(LIMIT_S).reply == "+OK"
        return token

    def done(self, token: str, limit_s: float = LIMIT_S) -> Event:
        return self.desk.heard.wait(
            lambda e: e.get("Application-UUID") == token and e.get("Unique-ID") == self.uuid,
            f"completion of {token}",
            limit_s,
            after=self.since,
        )

    def do(self, application: str, argument: str = "", token: str = "", *, limit_s: float = LIMIT_S) -> Event:
        return self.done(self.run(application, argument, token), limit_s)

    def answer(self) -> None:
        self.do("answer", token="answer")
        wait_for(lambda: self.caller.answered, "the caller sees the answer")

    def cut(self) -> str:
        return self.desk.api("uuid_break", self.uuid)

    def wait(self, name: str, limit_s: float = LIMIT_S, *, leg: str = "", nth: int = 1) -> Event:
        """The ``nth`` event of this name of a leg since the call came."""
        uuid = leg or self.uuid
        wait_for(lambda: len(self._events(uuid, name)) >= nth, f"{name} {nth} of {uuid}", limit_s)
        return self._events(uuid, name)[nth - 1]

    def story(self, *, leg: str = "", without: tuple[str, ...] = ()) -> list[Line]:
        """Names and relied-on headers of everything told of a leg, the dialplan's own steps left out."""
        names = {self.uuid: "caller", **self.names}
        uuid = leg or self.uuid
        heard = self.desk.heard.events[self.since :]
        told = [event for event in heard if event.get("Unique-ID") == uuid and event.name in RELIED]
        start = told.index(self.park) if not leg else 0
        return [line(event, names) for event in told[start:] if event.name not in without]

    def keys(self) -> str:
        return "".join(event["DTMF-Digit"] for event in self._events(self.uuid, "DTMF"))

    def over(self) -> list[Line]:
        """The whole story, once the channel is gone."""
        self.wait("CHANNEL_HANGUP_COMPLETE")
        return self.story()

    def _events(self, uuid: str, name: str) -> list[Event]:
        heard = self.desk.heard.events[self.since :]
        return [event for event in heard if event.name == name and event.get("Unique-ID") == uuid]


class Desk:
    """One engine's links to the switch of a rig."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.heard = Recorder()
        settings = LinkSettings(rig.host, rig.port, rig.password, WATCHED, worker=WORKER)
        self.links = SwitchLinks("contract", settings, self.heard)
        self.links.start()
        wait_for(lambda: self.links.connected, "the links come up")

    def open(self) -> None:
        """Calls come to us, and to nobody else. An engine that was there a moment ago has left its end on the schedule,
        which would close the slot in the middle of a test."""
        for slot in SLOTS:
            for turn in (0, 1):
                self.api("sched_del", f"{slot_variable(slot)}_{turn}")
            assert self.api("global_setvar", f"{slot_variable(slot)}={int(str(slot) == WORKER)}") == "+OK"

    def close(self) -> None:
        """No calls come, and none is left."""
        self.links.api("global_setvar", f"{slot_variable(0)}=0")
        self.api("hupall")
        wait_for(lambda: self.rows() == [], "all hung up")

    def api(self, command: str, *args: str) -> str:
        """The reply word for word, errors too, without its line end."""
        return self.links.submit_api(command, *args).wait(LIMIT_S).reply.strip()

    def rows(self) -> list[dict[str, str]]:
        """`show channels`: without rows the key is not there."""
        rows: list[dict[str, str]] = json.loads(self.api("show", "channels", "as", "json")).get("rows", [])
        return rows

    def arrive(self, number: str = "13800138000", called: str = "4000", name: str = "") -> Call:
        """Somebody calls; returns when the call is parked."""
        since = len(self.heard.events)
        caller = self.rig.call(number, called, name)
        park = self.heard.wait(
            lambda event: event.name == "CHANNEL_PARK" and event.get("Call-Direction") == "inbound",
            "CHANNEL_PARK",
            after=since,
        )
        return Call(self, park["Unique-ID"], caller, park, since)

    def settle(self, seconds: float) -> None:
        """To see that nothing more comes: events that were not to be have had this long to show themselves."""
        gevent.sleep(seconds)
