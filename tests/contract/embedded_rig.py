"""The embedded switch, in this process."""

from __future__ import annotations

from pathlib import Path

import gevent

from cti.switch.embedded import (
    ANSWERS,
    BUSY,
    NO_ANSWER,
    UNREGISTERED,
    EmbeddedSwitch,
    PhoneBehaviour,
    SwitchConfig,
    VirtualCaller,
    VirtualPhone,
)
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.eavesdrop import hears
from cti.switch.links import SwitchLinks

from .rig import Caller, Phone, Treats, cut

BEHAVIOURS = {
    Treats.ANSWERS: PhoneBehaviour(answer_after=0.05),
    Treats.BUSY: BUSY,
    Treats.RINGS: NO_ANSWER,
    Treats.EARLY: PhoneBehaviour(answer_after=None, early=True),
    Treats.ABSENT: UNREGISTERED,
    Treats.REJECTS: PhoneBehaviour(refuse="CALL_REJECTED"),
    Treats.ITSELF: PhoneBehaviour(answer_after=None, answers_itself=True),
    Treats.ON_TALK: PhoneBehaviour(answer_after=None, answers_on_talk=True),
}


class EmbeddedCaller:
    def __init__(self, caller: VirtualCaller) -> None:
        self._caller = caller

    def press(self, keys: str) -> None:
        self._caller.press(keys)

    def hang_up(self) -> None:
        self._caller.hangup()

    @property
    def channel(self) -> Channel | None:
        return self._caller.channel

    @property
    def got(self) -> str:
        return self._caller.digits

    @property
    def answered(self) -> bool:
        return self._caller.channel is not None and self._caller.channel.answered

    @property
    def ended(self) -> bool:
        return bool(self._caller.cause)


class EmbeddedPhone:
    def __init__(self, phone: VirtualPhone) -> None:
        self.number = phone.extension
        self._phone = phone
        self._before = len(phone.calls)

    @property
    def rung(self) -> int:
        return len(self._phone.calls) - self._before

    @property
    def ended(self) -> bool:
        return self.rung > 0 and not self._phone.calls[-1].channel.up()

    @property
    def channel(self) -> Channel:
        return self._phone.calls[-1].channel

    @property
    def contact(self) -> str:
        return self._phone.contact

    @property
    def got(self) -> str:
        return self._phone.calls[-1].digits

    def press(self, keys: str) -> None:
        self.channel.core.type_keys(self.channel, keys)

    def answer(self) -> None:
        self.channel.answer()

    def hang_up(self) -> None:
        self._phone.calls[-1].channel.hangup("NORMAL_CLEARING")


class EmbeddedRig:
    voices = False

    def __init__(self, folder: Path) -> None:
        self.host, self.password, self.domain, self.folder = "127.0.0.1", "contract-secret", "cti.local", folder
        config = SwitchConfig(password=self.password, domain=self.domain, heartbeat_s=2.0, seed=1)
        self._switch = EmbeddedSwitch(config)
        self.port = self._switch.start()
        self._callers: list[VirtualCaller] = []

    def call(self, number: str, called: str, name: str = "") -> EmbeddedCaller:
        self._callers.append(self._switch.call(number, called, name=name, speaking_s=0.0))
        return EmbeddedCaller(self._callers[-1])

    def phone(self, number: str, treats: Treats) -> EmbeddedPhone:
        phone = self._switch.core.directory.phones[number]
        self._switch.core.set_behaviour(phone, BEHAVIOURS[treats])
        return EmbeddedPhone(phone)

    def hears(self, listener: Caller | Phone, speaker: Caller | Phone) -> bool:
        gevent.sleep(0.1)
        assert isinstance(listener, EmbeddedCaller | EmbeddedPhone)
        assert isinstance(speaker, EmbeddedCaller | EmbeddedPhone)
        one, other = listener.channel, speaker.channel
        return one is not None and other is not None and hears(self._switch.core, one, other)

    def cut(self, links: SwitchLinks) -> None:
        cut(links)

    def tidy(self) -> None:
        for caller in self._callers:
            caller.hangup()
        self._callers.clear()
        for phone in self._switch.core.directory.phones.values():
            self._switch.core.set_behaviour(phone, ANSWERS)

    def close(self) -> None:
        self._switch.stop()
