"""A switch on a virtual clock, with the dialplan and the phones that the recordings were made with."""

from __future__ import annotations

from dataclasses import replace

from cti.switch.embedded.caller import VirtualCaller
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.clock import VirtualClock
from cti.switch.embedded.core import Core, SwitchConfig
from cti.switch.embedded.dialplan import Extension
from cti.switch.embedded.files import is_recordable
from cti.switch.embedded.phones import ANSWERS, BUSY, NO_ANSWER, UNREGISTERED, PhoneBehaviour, VirtualPhone
from cti.switch.embedded.protocol import Connection

START = 1_800_000_000.0
TONE = "tone_stream://%(200,0,500)"
PAGD = "4 4 3 5000 # tone_stream://%(100,50,800,1000) tone_stream://%(300,0,200) ivr_digits ^\\d{4}$ 3000"


def recorded_dialplan(channel: Channel, number: str, context: str) -> Extension | None:
    """The extensions of the recordings' README."""
    actions = {
        "5000": [
            ("answer", ""),
            ("playback", TONE),
            ("play_and_get_digits", PAGD),
            ("log", "INFO ivr_digits=${ivr_digits}"),
            ("hangup", ""),
        ],
        "5001": [("answer", ""), ("hangup", "")],
        "5003": [("answer", ""), ("playback", TONE), ("hangup", "")],
        "6000": [("answer", ""), ("park", "")],
        "9001": [("park", "")],
    }.get(number)
    if actions is None and len(number) == 4 and number.startswith("10"):
        actions = [("set", "hangup_after_bridge=true"), ("bridge", f"user/{number}@127.0.0.1")]
    return Extension(number, list(actions)) if actions is not None else None


def recorded_phones() -> tuple[VirtualPhone, ...]:
    return (
        VirtualPhone("1001", ANSWERS),
        VirtualPhone("1002", BUSY),
        VirtualPhone("1003", NO_ANSWER),
        VirtualPhone("1004", PhoneBehaviour(answer_after=0.5, hangup_after=3.0)),
        VirtualPhone("1009", UNREGISTERED),
    )


CONFIG = SwitchConfig(
    hostname="fs1", phones=(), dialplan=recorded_dialplan, hold_music="local_stream://moh", seed=7, gateways={}
)


class NoFiles:
    """Nothing is written; /proc and /nosuchdir take nothing, as on the recording machine."""

    def __init__(self) -> None:
        self.written: dict[str, float] = {}

    def can_write(self, path: str, *, make_folder: bool = False) -> bool:
        return is_recordable(path) and not path.startswith(("/proc", "/nosuchdir"))

    def write_silence(self, path: str, seconds: float) -> bool:
        self.written[path] = seconds
        return True


class Wire:
    """One client's connection: what it got, with the times, and whether the switch closed it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.data = bytearray()
        self.closed_at: float | None = None
        self.reading = True
        self.connection = Connection(lab.core, self._got, self._closed, lambda: self.reading)

    def _got(self, data: bytes) -> None:
        self.data += data

    def _closed(self) -> None:
        self.closed_at = self.lab.clock.now() - START

    def send(self, text: str | bytes, seconds: float = 0.0) -> bytes:
        """Send and let time pass; returns what came meanwhile."""
        before = len(self.data)
        self.connection.receive(text.encode() if isinstance(text, str) else text)
        self.lab.clock.run_for(seconds)
        return bytes(self.data[before:])

    def take(self) -> bytes:
        data = bytes(self.data)
        self.data.clear()
        return data


class Lab:
    """Clock, core and any number of wires."""

    def __init__(self, config: SwitchConfig = CONFIG) -> None:
        self.clock = VirtualClock(START)
        self.files = NoFiles()
        self.core = Core(replace(config, phones=config.phones or recorded_phones()), self.clock, self.files)

    def open(self, *, rejected: bool = False) -> Wire:
        wire = Wire(self)
        if rejected:
            wire.connection.reject()
        else:
            wire.connection.open()
        return wire

    def login(self, commands: str = "") -> Wire:
        wire = self.open()
        wire.send(f"auth {self.core.config.password}\n\n{commands}", 0.001)
        wire.take()
        return wire

    def call(self, called: str, uuid: str = "", *, caller: VirtualCaller | None = None) -> VirtualCaller:
        caller = caller or VirtualCaller("2000", called, "sipp", context="public", uuid=uuid)
        caller.place(self.core)
        return caller

    def api(self, command: str) -> str:
        """One API command on a connection of its own; returns the reply."""
        wire = self.login()
        answer = wire.send(f"api {command}\n\n", 0.0).decode()
        wire.connection.end(notice=False)
        return answer.partition("\n\n")[2]
