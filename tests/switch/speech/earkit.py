"""Ears on a switch that is a script, in virtual time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cti.core.commands import Listen
from cti.core.events import Heard
from cti.switch.links.errors import LinkLost
from cti.switch.links.pending import Pending
from cti.switch.speech import Engine
from cti.switch.speech.ears import Ears

UUID = "11111111-2222-3333-4444-555555555555"
MATCH = '{"text": "一 三 八", "confidence": 90}'


class Event(dict[str, str]):
    """As `cti.esl.Event`."""

    def __init__(self, name: str, body: str = "", **headers: str) -> None:
        super().__init__({key.replace("_", "-"): value for key, value in headers.items()})
        self.name, self.body = name, body


class Reply:
    def __init__(self, reply: str) -> None:
        self.reply = reply


class Timer:
    def __init__(self, work: Callable[[], Any]) -> None:
        self.work, self.dead = work, False

    def kill(self, *, block: bool = True) -> None:
        self.dead = True


class Switch:
    """Plays both the wire and the clock."""

    def __init__(self, **engine: Any) -> None:
        self.up, self.epoch, self.now = True, 1, 0.0
        self.sent: list[tuple[str, str]] = []
        self.replies: list[Pending[Any]] = []
        self.heard: list[tuple[float, Heard]] = []
        self._agenda: list[tuple[float, int, Timer]] = []
        params: Mapping[str, Any] = {"grammar": "builtin", **engine}
        self.ears = Ears(self, Engine("test", **params), later=self.later)  # type: ignore[arg-type]

    def later(self, seconds: float, work: Callable[..., Any], *arguments: Any) -> Timer:
        timer = Timer(lambda: work(*arguments))
        heapq.heappush(self._agenda, (self.now + seconds, len(self._agenda), timer))
        return timer

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self._agenda and self._agenda[0][0] <= until:
            self.now, _, timer = heapq.heappop(self._agenda)
            if not timer.dead:
                timer.work()
        self.now = until

    def run(self, uuid: str, application: str, argument: str) -> tuple[str, Pending[Any]]:
        if not self.up:
            raise LinkLost("the link is down")
        assert (uuid, application) == (UUID, "detect_speech")
        token = f"t.{len(self.sent)}"
        self.sent.append((token, argument))
        self.replies.append(Pending())
        return token, self.replies[-1]

    # ---- the caller's and the engine's part ----

    def listen(self, ref: int = 1, expects: str = "phone", language: str = "zh-CN") -> None:
        wanted = Listen(ref, expects, language, (), 5.0, 10.0)
        self.ears.listen(UUID, wanted, lambda heard: self.heard.append((self.now, heard)))

    def tell(self, name: str, body: str = "", **headers: str) -> None:
        self.ears.on_event(Event(name, body, Unique_ID=UUID, **headers))  # type: ignore[arg-type]

    def begun(self, *, bug: bool = True) -> None:
        """The last order to listen is carried out."""
        token = [token for token, argument in self.sent if argument != "stop"][-1]
        if bug:
            self.tell("MEDIA_BUG_START", Media_Bug_Function="detect_speech")
        self.tell("CHANNEL_EXECUTE_COMPLETE", Application_UUID=token)

    def probed(self) -> None:
        """The stop that shows whether another session is there is carried out."""
        assert self.sent[-1][1] == "stop"
        self.tell("CHANNEL_EXECUTE_COMPLETE", Application_UUID=self.sent[-1][0])

    def detected(self, kind: str, body: str = "", **headers: str) -> None:
        self.tell("DETECTED_SPEECH", body, Speech_Type=kind, **headers)

    @property
    def orders(self) -> list[str]:
        return ["stop" if argument == "stop" else "listen" for _, argument in self.sent]

    def outcomes(self) -> list[tuple[float, str]]:
        return [(at, heard.outcome) for at, heard in self.heard]


@pytest.fixture
def switch() -> Switch:
    return Switch()
