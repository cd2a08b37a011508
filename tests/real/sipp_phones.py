"""SIPp as the phone of an agent: registers with its password, answers whatever rings, speaks (a tone), and stays
through re-INVITEs until the far side hangs up."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from xml.sax.saxutils import quoteattr

from .media import tone_frame
from .ports import borrow_ports
from .switch import free_port

REGISTER_S = 30
START_S = 30
DOMAIN = "cti.local"
MEDIA_PORTS = 100
_HEADING = "The following events occurred:"  # of what SIPp has to tell


class SippPhone:
    """The phone ``number`` of the switch whose phones register at 127.0.0.1:``registrar``; rings from then on.

    ``hertz``: the tone that it speaks with. ``expires_s``: it registers once, for so long. Raises AssertionError
    when the switch does not let it in."""

    def __init__(
        self, sipp: Path, folder: Path, registrar: int, number: str, password: str, hertz: int, *, expires_s: int = 300
    ) -> None:
        self._sipp, self._folder, self._registrar, self.number = sipp, folder / number, registrar, number
        self._folder.mkdir(parents=True, exist_ok=True)
        self._password, self.hertz = password, hertz
        self._port = free_port(socket.SOCK_DGRAM)
        (self._folder / "voice.ulaw").write_bytes(tone_frame(hertz) * 50)
        self._register(expires_s)
        self._borrowed = ExitStack()
        self._media = self._borrowed.enter_context(borrow_ports(MEDIA_PORTS))
        self._running = self._start(_ANSWERS, ["-aa", "-mp", str(self._media)])
        self._wait_bound()

    def close(self) -> None:
        self._running.kill()
        self._running.wait(5)
        self._borrowed.close()
        self._register(0)

    def __enter__(self) -> SippPhone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def told(self) -> str:
        """What SIPp says went wrong; that it was late itself, on a loaded machine, is nothing of that."""
        errors = self._folder / "errors.log"
        lines = errors.read_text(errors="replace").splitlines() if errors.exists() else []
        wrong = [line for line in lines if line.strip() not in ("", _HEADING) and "Overload warning" not in line]
        return "\n".join(wrong)[-3000:]

    def _register(self, expires_s: int) -> None:
        scenario = (
            _REGISTER.replace("EXPIRES", str(expires_s))
            .replace("PASSWORD", self._password)
            .replace("NUMBER", self.number)
        )
        done = self._start(scenario, ["-m", "1", "-timeout", f"{REGISTER_S}s", "-timeout_error"], "register")
        assert done.wait(REGISTER_S + 5) == 0, f"{self.number} is not registered: {self.told()}"

    def _start(self, scenario: str, more: list[str], name: str = "answers") -> subprocess.Popen[bytes]:
        file = self._folder / f"{name}.xml"
        file.write_text(_document(scenario, name))
        command = [str(self._sipp), f"127.0.0.1:{self._registrar}", "-sf", str(file), "-s", self.number]
        command += ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(self._port), "-nostdin"]
        command += ["-trace_err", "-error_file", str(self._folder / "errors.log")]
        with (self._folder / f"{name}.txt").open("wb") as screen:
            return subprocess.Popen(
                [*command, *more], stdout=screen, stderr=screen, stdin=subprocess.DEVNULL, cwd=self._folder,
                env={**os.environ, "TERM": "dumb"},
            )  # fmt: skip

    def _wait_bound(self) -> None:
        """Until SIPp listens: a second socket cannot have its port then."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self._running.poll() is None, self.told()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind(("127.0.0.1", self._port))
                except OSError:
                    return
            time.sleep(0.05)
        raise TimeoutError(f"SIPp does not listen for {self.number}")


def _document(body: str, name: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name={quoteattr(name)}>\n{body}\n</scenario>\n'


_REGISTER_HEAD = f"""
REGISTER sip:{DOMAIN} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[service]@{DOMAIN}>;tag=[pid]SIPpTag[call_number]
To: <sip:[service]@{DOMAIN}>
Call-ID: [call_id]
CSeq: [cseq] REGISTER
Contact: <sip:[service]@[local_ip]:[local_port]>
Max-Forwards: 70
Expires: EXPIRES
"""
_REGISTER = f"""
<send retrans="500"><![CDATA[{_REGISTER_HEAD}Content-Length: 0

]]></send>
<recv response="401" auth="true"/>
<send retrans="500"><![CDATA[{_REGISTER_HEAD}[authentication username=NUMBER password=PASSWORD]
Content-Length: 0

]]></send>
<recv response="200"/>
"""
_HEADERS = """[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpPhone[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
Contact: <sip:[service]@[local_ip]:[local_port]>
"""
_ANSWER = f"""
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
{_HEADERS}Content-Type: application/sdp
Content-Length: [len]

v=0
o=phone 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>
<recv request="ACK"/>
"""
#: Within a dialog the To header has the tag already.
_WITHIN = _HEADERS.replace(";tag=[pid]SIPpPhone[call_number]", "")
_ANSWERS = f"""
<recv request="INVITE"/>
<send><![CDATA[
SIP/2.0 180 Ringing
{_HEADERS}Content-Length: 0

]]></send>
{_ANSWER}
<nop><action><exec rtp_stream="voice.ulaw,-1,0,PCMU/8000"/></action></nop>
<label id="1"/>
<recv request="INVITE" optional="true" next="2"/>
<recv request="BYE"/>
<send next="3"><![CDATA[
SIP/2.0 200 OK
{_WITHIN}Content-Length: 0

]]></send>
<label id="2"/>
{_ANSWER.replace(_HEADERS, _WITHIN).replace('<recv request="ACK"/>', '<recv request="ACK" next="1"/>')}
<label id="3"/>
"""
