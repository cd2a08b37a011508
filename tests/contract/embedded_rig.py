"""The embedded switch, in this process."""

from __future__ import annotations

from pathlib import Path

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

from .rig import Treats

BEHAVIOURS = {
    Treats.ANSWERS: PhoneBehaviour(answer_after=0.05),
    Treats.BUSY: BUSY,
    Treats.RINGS: NO_ANSWER,
    Treats.ABSENT: UNREGISTERED,
}


class EmbeddedCaller:
    def __init__(self, caller: VirtualCaller) -> None:
        self._caller = caller

    def press(self, keys: str) -> None:
        self._caller.press(keys)

    def hang_up(self) -> None:
        self._caller.hangup()

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

    def hang_up(self) -> None:
        self._phone.calls[-1].channel.hangup("NORMAL_CLEARING")


class EmbeddedRig:
    def __init__(self, folder: Path) -> None:
        self.host, self.password, self.domain, self.folder = "127.0.0.1", "contract-secret", "cti.local", folder
        config = SwitchConfig(
            password=self.password, domain=self.domain, heartbeat_s=2.0, verbose_channel_events=True, seed=1
        )
        self._switch = EmbeddedSwitch(config)
        self.port = self._switch.start()
        self._callers: list[VirtualCaller] = []

    def call(self, number: str, called: str, name: str = "") -> EmbeddedCaller:
        self._callers.append(self._switch.call(number, called, name=name, speaking_s=0.0))
        return EmbeddedCaller(self._callers[-1])

    def phone(self, number: str, treats: Treats) -> EmbeddedPhone:
        phone = self._switch.core.directory.phones[number]
        phone.behaviour = BEHAVIOURS[treats]
        return EmbeddedPhone(phone)

    def tidy(self) -> None:
        for caller in self._callers:
            caller.hangup()
        self._callers.clear()
        for phone in self._switch.core.directory.phones.values():
            phone.behaviour = ANSWERS

    def close(self) -> None:
        self._switch.stop()
