"""One platform for all tests of a module: who is left over from a test is sent away at its end; nothing may stay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cti.acd.states import Presence
from cti.core.legs import Phone
from cti.runtime.floor.supervision import Watch
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.eavesdrop import hears

from .platform import Platform
from .test_floor import Floor


class Desks(Floor):
    """As `Floor`, with what clients are told, and supervisors."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.parts.hub.listeners.append(self._hear)

    def _hear(self, event: Any, _at: float, data: Any) -> None:
        self.events.append((event.type, dict(data)))

    def told(self, type_: str, *names: str) -> list[Any]:
        """Of each event of this type, in order: the values of these fields (one alone as it is)."""
        found = [tuple(data[name] for name in names) for type, data in self.events if type == type_]
        return [values[0] if len(names) == 1 else values for values in found]

    def consult(self, contact: str) -> str:
        """The contact as which somebody is asked."""
        talk = self.parts.talks.find(contact)
        assert talk is not None
        assert talk.consult is not None
        return talk.consult.party.contact

    def newest(self) -> str:
        """The contact that came last."""
        return list(self.parts.owner.acd.floor.cases)[-1]

    def watch(self, contact: str, mode: str, extension: str = "1004", agent: str = "", **phone: Any) -> Watch:
        self.platform.phone(extension, **({"answer_after": 0.05} | phone))
        return self.parts.supervision.begin("u-super", agent, contact, mode, Phone(f"user/{extension}"))

    def channel(self, leg: str) -> Channel:
        return self.platform.switch.core.channels[leg]

    def heard(self, listener: str, speaker: str) -> bool:
        """Does what leg ``speaker`` says reach leg ``listener``?"""
        channels = self.platform.switch.core.channels
        both = listener in channels and speaker in channels
        return both and hears(self.platform.switch.core, channels[listener], channels[speaker])

    def close(self) -> None:
        platform = self.platform
        for caller in platform.callers:
            caller.hangup()
        for leg in list(platform.switch.core.channels.values()):
            leg.hangup("NORMAL_CLEARING")
        self.until(lambda: not platform.switch.core.channels, "no leg is left")
        for agent, desk in self.parts.owner.acd.floor.desks.items():
            if desk.presence is not Presence.LOGOUT and agent not in ("1001", "1002"):  # the phones of the hunt group
                self.parts.lines.sign_out(agent, forced=True)
        self.parts.hub.listeners.remove(self._hear)
        self.parts.owner.listeners.remove(self.facts.append)
        self.until(lambda: not self.parts.owner.acd.floor.cases, "no contact is left")
        self.until(lambda: not platform.nothing_left(), "nothing is left")
        platform.callers.clear()


@contextmanager
def desks_on(platform: Platform) -> Iterator[Desks]:
    """anna on 1001, READY."""
    desks = Desks(platform)
    desks.sign_in("anna", "1001")
    yield desks
    desks.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("shared"))
    yield platform
    platform.stop()


@pytest.fixture
def desks(shared: Platform) -> Iterator[Desks]:
    with desks_on(shared) as found:
        yield found
