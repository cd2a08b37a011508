"""A sink that writes down what it hears, and a pair of links to a scripted switch."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cti.esl import Event, encode_event_plain
from cti.switch.links import LinkSettings, SwitchLinks
from tests.switch.links.scripted import (
    PASSWORD,
)


class Sink:
    """Writes down what it is told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def on_event(self, event: Event) -> None:
        self.told.append(("event", event.name, event.get("n")))

    def on_up(self, core_uuid: str, restarted: bool, channels: Any) -> None:
        self.told.append(("up", core_uuid, restarted, [row["uuid"] for row in channels]))

    def on_down(self, reason: str) -> None:
        self.told.append(("down",))

    def kinds(self) -> list[str]:
        return [told[0] for told in self.told]


@contextmanager
def links_to(switch: Any, sink: Any, **settings: Any) -> Iterator[SwitchLinks]:
    states = settings.pop("states", None)
    options: dict[str, Any] = {
        "events": ("CHANNEL_PARK", "DTMF"),
        "connect_timeout_s": 1.0,
        "reply_timeout_s": 1.0,
        "backoff_first_s": 0.01,
        "backoff_max_s": 0.05,
        "refused_retry_s": 0.05,
    }
    links = SwitchLinks(
        "fs1",
        LinkSettings("127.0.0.1", switch.port, PASSWORD, **(options | settings)),
        sink,
        rng=random.Random(7),
        on_state=None if states is None else lambda state, reason: states.append(state),
    )
    links.start()
    try:
        yield links
    finally:
        links.stop()


def event(number: int, name: str = "DTMF") -> bytes:
    return encode_event_plain([("Event-Name", name), ("n", str(number))])
