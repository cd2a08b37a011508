"""A Kamailio of our own on the product's configuration (docs/failover/kamailio.cfg), with addresses of this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .engine import ROOT
from .esl import wait_until
from .switch import RealSwitch, free_port

SOURCE = ROOT / "docs" / "failover"
NO_KAMAILIO = "Kamailio's half did not run: no kamailio found (apt-get install kamailio)"


class Edge:
    """``folder`` gets the files; what a site edits is edited here in the same places."""

    def __init__(
        self, folder: Path, switches: Sequence[RealSwitch], carriers: str = "127.0.0.1", port: int | None = None
    ) -> None:
        self.folder, self.port = folder, port or free_port(socket.SOCK_DGRAM)
        self.process: subprocess.Popen[bytes] | None = None
        text = (SOURCE / "kamailio.cfg").read_text()
        for name, value in (("ADDRESS", "127.0.0.1"), ("PORT", str(self.port)), ("FOLDER", str(folder))):
            text, count = re.subn(rf'(?m)^(#!substdef "!EDGE_{name}!)[^!]*!', rf"\g<1>{value}!", text)
            assert count == 1
        self.config = folder / "kamailio.cfg"
        self.config.write_text(text)
        ports = [(1, one.conf.trunks_port) for one in switches] + [(2, one.conf.phones_port) for one in switches]
        (folder / "dispatcher.list").write_text("".join(f"{n} sip:127.0.0.1:{port} 8 10\n" for n, port in ports))
        (folder / "address.list").write_text(f"1 {carriers} 32 0 callers\n")

    def check(self) -> subprocess.CompletedProcess[str]:
        """`kamailio -c`."""
        command = ["kamailio", "-c", "-f", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def start(self) -> None:
        with (self.folder / "kamailio.log").open("ab") as output:
            self.process = subprocess.Popen(
                ["kamailio", "-f", str(self.config), "-DD", "-E", "-m", "32", "-M", "8", "-w", str(self.folder)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        wait_until(lambda: bool(self.states()), 30, "Kamailio answers")

    def states(self) -> dict[int, str]:
        """Port of a switch's profile → its flags: AP is up, IP is out; empty: Kamailio does not answer."""
        command = ["kamcmd", "-s", f"unix:{self.folder}/ctl", "dispatcher.list"]
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout
        return {int(port): flags for port, flags in re.findall(r"URI: sip:127\.0\.0\.1:(\d+)\s+FLAGS: (\w+)", told)}

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)


def missing() -> bool:
    return shutil.which("kamailio") is None or shutil.which("kamcmd") is None
