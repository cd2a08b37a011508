"""A real FreeSWITCH with SIP callers and SIP phones on loopback."""

from __future__ import annotations

from tests.real.switch import RealSwitch
from tests.real.ua import Dialog, Phone, When

from .rig import Treats

WHENS = {Treats.ANSWERS: When.ANSWER, Treats.BUSY: When.BUSY, Treats.RINGS: When.RING}
KEY_FRAMES, GAP_FRAMES = 3, 1  # of 20 ms


class RealCaller:
    def __init__(self, dialog: Dialog) -> None:
        self._dialog = dialog

    def press(self, keys: str) -> None:
        self._dialog.media.press(keys, frames=KEY_FRAMES, gap=GAP_FRAMES)

    def hang_up(self) -> None:
        self._dialog.hang_up()

    @property
    def answered(self) -> bool:
        return self._dialog.answered.is_set() and not self._dialog.rejected

    @property
    def ended(self) -> bool:
        return self._dialog.finished.is_set()


class RealPhone:
    def __init__(self, number: str, agent: Phone | None) -> None:
        self.number = number
        self._agent = agent

    @property
    def rung(self) -> int:
        return len(self._agent.calls) if self._agent is not None else 0

    @property
    def ended(self) -> bool:
        return self._agent is not None and bool(self._agent.calls) and self._agent.calls[-1].finished.is_set()

    def hang_up(self) -> None:
        assert self._agent is not None
        self._agent.calls[-1].hang_up()


class RealRig:
    def __init__(self, switch: RealSwitch) -> None:
        self._switch = switch
        conf = switch.conf
        self.host, self.port, self.password, self.domain = conf.host, conf.port, conf.password, "cti.local"
        self.folder = conf.recordings
        self._agents: list[Phone] = []

    def call(self, number: str, called: str, name: str = "") -> RealCaller:
        agent = Phone(number)
        self._agents.append(agent)
        return RealCaller(agent.call(called, self._switch.conf.trunks_port, name=name))

    def phone(self, number: str, treats: Treats) -> RealPhone:
        if treats is Treats.ABSENT:
            return RealPhone(number, None)
        agent = Phone(number, password=self._switch.conf.phones[number], when=WHENS[treats])
        self._agents.append(agent)
        status = agent.register(self._switch.conf.phones_port)
        assert status == 200, f"{number} could not register: {status}"
        return RealPhone(number, agent)

    def tidy(self) -> None:
        for agent in self._agents:
            agent.close()
        self._agents.clear()
