"""Customers who write, and the gateway that carries what they write and what is answered."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import gevent

from cti.core.errors import CtiError

from .ground import NUMBERS, TEXTED

if TYPE_CHECKING:
    from .engines import Engines
    from .virtual_time import VirtualTime
    from .witness import Witness

#: Of a hundred customers of a run so many write.
SHARE = 0.2
WORDS = ("CXYE", "CXZD", "BAL", "EN", "TD", "0", "1", "9", "PIN", "CHECK", "123456", "My bill is wrong.", "你好")
ADDRESSES = tuple(number for number, flow in NUMBERS.items() if flow in TEXTED)
TRIES, AGAIN_S = 20, 1.0
#: A gateway waits so long for an answer.
ANSWER_S = 10.0


class Texts:
    """``met``: what happened how often. A gateway for the engines: what it is given it takes, or refuses."""

    once = "no"

    def __init__(self, engines: Engines, time: VirtualTime, witness: Witness) -> None:
        self._engines, self._chance, self._witness = engines, time.chance, witness
        self.met: Counter[str] = Counter()
        engines.channels.update({"sms": self, "chat": self})

    def send(self, recipient: str, text: str, key: str) -> bool:
        taken = self._chance.random() < 0.95
        self.met["text sent" if taken else "text refused"] += 1
        return taken

    def write(self, at: int) -> None:
        """One customer, from the first word to the last."""
        number, called = f"137{at:08}", self._chance.choice(ADDRESSES)
        for _ in range(self._chance.randint(1, 5)):
            self._give(number, called, self._chance.choice(WORDS))
            gevent.sleep(self._chance.uniform(0.2, 12.0))

    def _give(self, number: str, called: str, text: str) -> None:
        """A gateway tries until an engine takes it."""
        for _ in range(TRIES):
            if self._engines.up:
                asked = self._engines.ask(self._written, number, called, text)
                asked.join(ANSWER_S)
                if isinstance(asked.value, str):  # else it was refused, or its engine has died
                    self.met["text written"] += 1
                    self._witness.wrote(asked.value)
                    return
            gevent.sleep(AGAIN_S)

    def _written(self, number: str, called: str, text: str) -> str | None:
        """The id of its conversation; None: it was refused."""
        try:
            return self._engines.application.chats.sms(number, called, text)
        except CtiError:
            self.met["text to be written again"] += 1
            return None

    def leave(self) -> None:
        """All customers are done with it."""
        conversations = self._engines.application.conversations

        def over() -> None:
            for call in sorted(conversations._addresses):
                conversations.hangup(call, "NORMAL_CLEARING")

        self._engines.ask(over).join()
