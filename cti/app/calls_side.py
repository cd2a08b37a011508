"""The side of an engine that carries calls: switches, the runs of flows on them, what they work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent

from cti.app.parts import find_engine, make_channel, make_folder
from cti.app.phones import keep_phones
from cti.channels.conversations import Conversations
from cti.channels.fax_pages import TextPages
from cti.core.errors import SwitchUnavailable
from cti.runtime.chats import Chats
from cti.runtime.engine import Engine
from cti.runtime.keeping import Keeping
from cti.runtime.load_watch import LoadWatch
from cti.runtime.services import Lookups, Messages, Services
from cti.runtime.waiting import wait_until
from cti.switch.dialing import Dialing, OtherPlatform
from cti.switch.driver import SUBSCRIBED, UNHEARD, FreeSwitch
from cti.switch.links import LinkSettings
from cti.switch.speech import SPEECH_EVENTS, Ears, SwitchSpeech

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cti.app.floor_side import FloorSide
    from cti.app.ground import Ground
    from cti.config import Settings, SwitchSettings
    from cti.ports import CallbackDesk, LegSink, MessageChannel, Recogniser
    from cti.runtime.queues import EngineQueues, WrittenQueues
    from cti.switch.holding import Holder


class Hearing:
    """How callers are heard: by the switch's recogniser of the configuration, by the one that is given, or not."""

    def __init__(self, settings: Settings, recogniser: Recogniser | None) -> None:
        self.engine = find_engine(settings) if recogniser is None else None
        self.speech = SwitchSpeech()
        self.recogniser: Recogniser | None = self.speech if self.engine is not None else recogniser


def dialing_of(settings: Settings, switch: SwitchSettings) -> Dialing:
    told = settings.dialing
    platforms = {name: OtherPlatform(one.trunk, one.number or "") for name, one in told.platforms.items()}
    return Dialing(
        switch.domain,
        told.trunks,
        told.allowed,
        told.caller_number or "",
        told.denied,
        told.sip_hosts,
        platforms,
        told.phones_through or "",
    )


@dataclass(frozen=True, slots=True)
class Distribution:
    """What calls see of whoever distributes. ``legs``: by switch, where it is told what becomes of legs."""

    queues: EngineQueues
    texts: WrittenQueues
    callbacks: CallbackDesk
    legs: Callable[[str], LegSink]


def distribution_of(side: FloorSide) -> Distribution:
    """In this process."""
    floor = side.floor
    return Distribution(floor.callers, floor.texts, side.callbacks, lambda _switch: floor.talks)


class CallsSide:
    """``channels``: message channels in the place of configured ones. ``holder``: who this engine is in its slot."""

    def __init__(
        self,
        ground: Ground,
        distribution: Distribution,
        switches: Sequence[SwitchSettings],
        hearing: Hearing,
        channels: Mapping[str, MessageChannel],
        holder: Holder | None,
    ) -> None:
        settings = ground.settings
        self._ground, self._hearing, self._holder = ground, hearing, holder
        self._distribution, self._told = distribution, switches
        faxes = settings.data / "faxes"
        make_folder(faxes)
        made = {name: make_channel(settings, name, how) for name, how in settings.messages}
        self.messages = Messages({**made, **channels})
        services = Services(
            clock=ground.clock,
            zone=ground.zone,
            journal=ground.journal,
            prompts=ground.desk,
            lookups=Lookups(ground.office),
            requests=ground.requests,
            notices=ground.notices,
            callbacks=distribution.callbacks,
            queues=distribution.queues,
            texts=distribution.texts,
            transcripts=ground.transcripts,
            messages=self.messages,
            plain=ground.recordings.plain,
            recorded=ground.recordings.complete,
            faxes=faxes,
            pages=TextPages(settings.fax.font),
            recogniser=hearing.recogniser,
            durable=ground.durable,
            silent_s=settings.limits.silent_s,
        )
        self.engine = Engine(ground.library, services, ground.admission, lost_after_s=settings.worker.guard_s)
        self.conversations = Conversations(self.engine)
        self.engine.add_switch(self.conversations)
        keeping = Keeping(self.engine, ground.store, ground.durable)
        self.chats = Chats(self.conversations, ground.transcripts, ground.clock, keeping.wait)
        self.switches: dict[str, FreeSwitch] = {}

    def connect(self) -> None:
        """The switches are made; their links begin with `start`."""
        self.switches.update({one.name: self._switch(one) for one in self._told})

    def start(self) -> list[gevent.Greenlet[[], None]]:
        """What runs until it is killed."""
        ground, beats = self._ground, []
        for driver in self.switches.values():
            driver.links.start()
            beats.append(gevent.spawn(driver.liveness.run))
        watch = LoadWatch(ground.overload, lambda: self.switches, lambda: ground.store.health().late)
        beats.append(gevent.spawn(watch.run))
        if self.switches:
            beats.append(gevent.spawn(keep_phones(ground.settings, ground.accounts, self.switches).run))
        return beats

    def wait_until_up(self, timeout_s: float) -> None:
        """Until every switch gives us its calls. Raises SwitchUnavailable at the deadline."""
        wait_until(lambda: all(driver.up for driver in self.switches.values()), timeout_s)
        for name, driver in self.switches.items():
            links = driver.links
            if not links.connected:
                raise SwitchUnavailable(f"switch {name} is not up after {timeout_s:g} s: {links.reason or links.state}")
            driver.liveness.beat(timeout_s)

    def states(self) -> dict[str, str]:
        found = self.switches.items()
        return {name: "silent" if one.up and not one.fit else str(one.links.state) for name, one in found}

    def refuse_new(self) -> None:
        for driver in self.switches.values():
            driver.liveness.close()

    def leave_fresh(self) -> None:
        """New callers are sent here until the next engine is up, and the guards wait for as long as they can."""
        for driver in self.switches.values():
            driver.liveness.beat(1.0)
            driver.guard.resync()

    def _switch(self, switch: SwitchSettings) -> FreeSwitch:
        settings, heard = self._ground.settings, self._hearing.engine
        events = SUBSCRIBED + SPEECH_EVENTS if heard is not None else SUBSCRIBED
        slot = str(settings.worker.slot)
        link = LinkSettings(switch.host, switch.port, switch.secret(), events, worker=slot, unheard=UNHEARD)
        dialing = dialing_of(settings, switch)
        driver = FreeSwitch(
            switch.name, link, self.engine, dialing, guard_s=settings.worker.guard_s, holder=self._holder
        )
        driver.leg_control.attach(self._distribution.legs(switch.name))
        driver.kept = self._ground.durable.has
        if heard is not None:
            driver.ears = Ears(driver, heard)
            self._hearing.speech.add(driver.legs, driver.ears)
        self.engine.add_switch(driver)
        return driver
