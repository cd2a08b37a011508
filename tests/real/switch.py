"""Find a real FreeSWITCH, start it on a rendered `freeswitch_conf/` with free ports, stop it again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from cti.switch.conf import RenderedConf, SwitchSettings, parse_settings, render

from .esl import Tap
from .ports import keep_ports

START_S = 60.0
STOP_S = 20.0
MISSING = (
    "no FreeSWITCH found: set CTI_FREESWITCH to the path of a `freeswitch` 1.10 or 1.11 binary, or put it on PATH "
    "(Debian packages of signalwire: freeswitch-meta-vanilla; or build it, docs/freeswitch.md)"
)
NO_SIPP = "no SIPp found: install it (Debian: apt install sip-tester)"


def find_binary() -> Path | None:
    """By CTI_FREESWITCH, then PATH. A CTI_FREESWITCH that names nothing runnable is an error, not a skip."""
    named = os.environ.get("CTI_FREESWITCH")
    if named:
        found = shutil.which(named)
        if found is None:
            raise FileNotFoundError(f"CTI_FREESWITCH={named} is no program that can be run")
        return Path(found)
    on_path = shutil.which("freeswitch")
    return Path(on_path) if on_path else None


def find_modules(binary: Path) -> Path | None:
    """Where its modules are; None: unknown (packages put them elsewhere)."""
    prefix = binary.resolve().parent.parent
    return next((found for found in (prefix / "mod", prefix / "lib/freeswitch/mod") if found.is_dir()), None)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealSwitch:
    """A running switch of our own. ``conf`` tells ports and passwords."""

    def __init__(self, binary: Path, folder: Path, settings: SwitchSettings) -> None:
        self.binary, self.folder, self.settings = binary, folder, settings
        self.conf: RenderedConf = render(settings, folder, modules=find_modules(binary))
        self.process: subprocess.Popen[bytes] | None = None
        self.start_log = ""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def tap(self, names: str = "ALL") -> Tap:
        return Tap(self.conf.host, self.conf.port, self.conf.password, names)

    def start(self) -> None:
        output = (self.folder / "console.txt").open("ab")
        self.process = subprocess.Popen(
            self.conf.command(str(self.binary)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        output.close()
        until = time.monotonic() + START_S
        while not self._ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"freeswitch ended with {self.process.returncode}:\n{self.console()}")
            if time.monotonic() > until:
                self.stop()
                raise TimeoutError(f"freeswitch not ready within {START_S} s:\n{self.log()[-3000:]}")
            time.sleep(0.1)
        self.start_log = self.log()

    def _ready(self) -> bool:
        try:
            with self.tap("HEARTBEAT") as tap:
                return "is ready" in tap.api("status") and tap.api("sofia status").count("RUNNING") >= 2
        except (OSError, TimeoutError, AssertionError):
            return False

    def stop(self) -> None:
        """Orderly, then by force; only the process that `start` started."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)

    def kill(self) -> None:
        """As a crash."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def log(self) -> str:
        path = self.conf.log / "freeswitch.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def console(self) -> str:
        return (self.folder / "console.txt").read_text(errors="replace")[-3000:]


def settings_for_test(*, trunks: str = "", max_sessions: int = 400) -> SwitchSettings:
    return parse_settings(text_for_test(trunks=trunks, max_sessions=max_sessions), "test")


def text_for_test(*, trunks: str = "", max_sessions: int = 400) -> str:
    """On loopback with ports of its own; ``trunks`` is YAML for the list of trunks beside the one for test callers."""
    rtp = keep_ports(2 * max_sessions + 4)
    phones, trunks_port, events, callers = range(rtp + 2 * max_sessions, rtp + 2 * max_sessions + 4)
    return f"""
name: realtest
sip: {{address: 127.0.0.1, phones_port: {phones}, trunks_port: {trunks_port}}}
rtp: {{first_port: {rtp}, last_port: {rtp + 2 * max_sessions - 1}}}
event_socket: {{port: {events}}}
load: {{max_sessions: {max_sessions}, sessions_per_second: 200}}
emergency: {{phones: ["1001", "1002"], ring_s: 5, language: en-US}}
log_level: info
trunks:
  - {{name: callers, address: 127.0.0.1, port: {callers}, probe_s: 0}}
{trunks}"""


__all__ = ["MISSING", "NO_SIPP", "RealSwitch", "find_binary", "free_port", "settings_for_test", "text_for_test"]
