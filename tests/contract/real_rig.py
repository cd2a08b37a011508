"""A real FreeSWITCH with SIP callers and SIP phones on loopback. Everybody there hums a tone of their own."""

from __future__ import annotations

from itertools import count

import gevent

from cti.switch.links import SwitchLinks
from tests.real.audio import share_of
from tests.real.media import FRAME_S, Media, tone_frame
from tests.real.switch import RealSwitch
from tests.real.ua import Dialog, When
from tests.real.ua import Phone as Agent

from .rig import Caller, Phone, Treats, cut

WHENS = {
    Treats.ANSWERS: When.ANSWER,
    Treats.BUSY: When.BUSY,
    Treats.RINGS: When.RING,
    Treats.EARLY: When.EARLY,
    Treats.REJECTS: When.REJECT,
    Treats.ITSELF: When.ITSELF,
    Treats.ON_TALK: When.ON_TALK,
}
KEY_FRAMES, GAP_FRAMES = 3, 1  # of 20 ms
LISTEN_S = 0.4
FIRST_HZ, STEP_HZ, TONES = 450, 150, 16  # multiples of 50, no harmonics of each other among neighbours
HEARD = 0.02  # share of the energy; what leaks into a neighbour's band is below 0.001


class RealCaller:
    def __init__(self, dialog: Dialog, hertz: int) -> None:
        self._dialog = dialog
        self.hertz = hertz
        dialog.media.voice = tone_frame(hertz)

    def press(self, keys: str) -> None:
        self._dialog.media.press(keys, frames=KEY_FRAMES, gap=GAP_FRAMES)

    def hang_up(self) -> None:
        self._dialog.hang_up()

    @property
    def media(self) -> Media:
        return self._dialog.media

    @property
    def got(self) -> str:
        return self._dialog.media.pressed

    @property
    def answered(self) -> bool:
        return self._dialog.answered.is_set() and not self._dialog.rejected

    @property
    def ended(self) -> bool:
        return self._dialog.finished.is_set()


class RealPhone:
    def __init__(self, number: str, agent: Agent | None, hertz: int = 0) -> None:
        self.number, self.hertz = number, hertz
        self._agent = agent

    @property
    def contact(self) -> str:
        assert self._agent is not None
        return f"{self.number}@127.0.0.1:{self._agent.port}"

    @property
    def media(self) -> Media:
        assert self._agent is not None
        media = self._agent.calls[-1].media
        media.voice = tone_frame(self.hertz)
        return media

    @property
    def got(self) -> str:
        return self.media.pressed

    def press(self, keys: str) -> None:
        self.media.press(keys, frames=KEY_FRAMES, gap=GAP_FRAMES)

    def answer(self) -> None:
        assert self._agent is not None
        self._agent.answer(self._agent.calls[-1])

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
    voices = True

    def __init__(self, switch: RealSwitch) -> None:
        self._switch = switch
        conf = switch.conf
        self.host, self.port, self.password, self.domain = conf.host, conf.port, conf.password, "cti.local"
        self.folder = conf.recordings
        self._agents: list[Agent] = []
        self._voices = count()

    def call(self, number: str, called: str, name: str = "") -> RealCaller:
        agent = Agent(number)
        self._agents.append(agent)
        return RealCaller(agent.call(called, self._switch.conf.trunks_port, name=name), self._voice())

    def phone(self, number: str, treats: Treats) -> RealPhone:
        if treats is Treats.ABSENT:
            return RealPhone(number, None)
        agent = Agent(number, password=self._switch.conf.phones[number], when=WHENS[treats])
        self._agents.append(agent)
        status = agent.register(self._switch.conf.phones_port)
        assert status == 200, f"{number} could not register: {status}"
        return RealPhone(number, agent, self._voice())

    def _voice(self) -> int:
        return FIRST_HZ + STEP_HZ * (next(self._voices) % TONES)

    def hears(self, listener: Caller | Phone, speaker: Caller | Phone) -> bool:
        assert isinstance(listener, RealCaller | RealPhone)
        assert isinstance(speaker, RealCaller | RealPhone)
        if isinstance(speaker, RealPhone):
            _ = speaker.media  # hums from now on
        gevent.sleep(2 * FRAME_S)
        since = len(listener.media.pcm())
        gevent.sleep(LISTEN_S)
        return share_of(listener.media.pcm()[since:], speaker.hertz) > HEARD

    def cut(self, links: SwitchLinks) -> None:
        cut(links)

    def tidy(self) -> None:
        for agent in self._agents:
            agent.close()
        self._agents.clear()
