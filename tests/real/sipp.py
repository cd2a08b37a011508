"""SIPp as many callers at once: they dial, press keys (RFC 2833) at given times, hang up or wait for the far side."""

from __future__ import annotations

import csv
import os
import re
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from .ports import borrow_ports
from .scheduling import as_caller
from .switch import free_port

KILL_AFTER_S = 5
PERIOD_S = 10  # a rate is a whole number of calls in so long


@dataclass(frozen=True)
class Press:
    """``keys`` in one go."""

    keys: str


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class HangUp:
    pass


@dataclass(frozen=True)
class WaitBye:
    """Until the far side hangs up."""


Step = Press | Pause | HangUp | WaitBye


@dataclass(frozen=True)
class Result:
    """``errors``: SIPp's own words about what went wrong, one per unexpected message."""

    created: int
    successful: int
    failed: int
    errors: str


def may_press() -> bool:
    """SIPp sends RTP through a raw socket, which needs root or CAP_NET_RAW."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).close()
    except PermissionError:
        return False
    return True


def run_callers(
    sipp: Path,
    folder: Path,
    port: int,
    called: str,
    steps: Sequence[Step],
    *,
    calls: int,
    per_second: float = 10,
    at_once: int | None = None,
    callers: Sequence[str] = ("13800138000",),
    timeout_s: float = 60,
    ahead: bool = False,
) -> Result:
    """``calls`` callers at ``per_second`` dial ``called`` at 127.0.0.1:``port``, with the numbers ``callers`` in turn.

    ``at_once``: never more than so many, and all with one port for what they hear (which nobody listens to), so that
    there may be any number of them; else each has ports of its own. ``ahead``: SIPp never waits for a processor behind
    the switch (`as_caller`), for what is measured when both fill the machine.

    Raises TimeoutError when SIPp does not end by itself ``timeout_s`` after its start; a call that does not go as the
    steps say is a failed one."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "scenario.xml"
    file.write_text(scenario(steps, "media_port" if at_once else "auto_media_port"))
    numbers = folder / "callers.csv"
    numbers.write_text("SEQUENTIAL\n" + "".join(f"{number};\n" for number in callers))
    stats, errors = folder / "stats.csv", folder / "errors.log"
    command = [str(sipp), f"127.0.0.1:{port}", "-sf", str(file), "-s", called, "-inf", str(numbers)]
    command += ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(free_port(socket.SOCK_DGRAM))]
    command += ["-m", str(calls), "-r", str(round(per_second * PERIOD_S)), "-rp", str(PERIOD_S * 1000)]
    command += ["-l", str(at_once or calls), "-nostdin"]
    command += ["-trace_stat", "-stf", str(stats), "-fd", "1", "-trace_err", "-error_file", str(errors)]
    command += ["-timeout", f"{timeout_s:.0f}s", "-timeout_error", "-recv_timeout", f"{timeout_s * 1000:.0f}"]
    with (folder / "screen.txt").open("wb") as screen, borrow_ports(100 if at_once else 4 * calls + 200) as media:
        running = subprocess.Popen(
            [*command, "-mp", str(media)],
            stdout=screen,
            stderr=screen,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "TERM": "dumb"},
            preexec_fn=as_caller if ahead else None,
        )
        try:
            running.wait(timeout_s + KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"SIPp still runs after {timeout_s} s: {_told(folder, errors)}") from None
        finally:
            if running.poll() is None:
                running.kill()
                running.wait(5)
    return _result(stats, _told(folder, errors))


def _told(folder: Path, errors: Path) -> str:
    screen = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", (folder / "screen.txt").read_text(errors="replace"))
    return (errors.read_text(errors="replace") if errors.exists() else "")[-3000:] or screen[-500:]


def _result(stats: Path, errors: str) -> Result:
    """The last line of SIPp's statistics; the columns with (C) count from the start."""
    if not stats.exists():
        raise RuntimeError(f"SIPp did not start: {errors}")
    with stats.open() as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    last = rows[-1]
    return Result(int(last["TotalCallCreated"]), int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]), errors)


def scenario(steps: Sequence[Step], media_port: str = "auto_media_port") -> str:
    parts = [_INVITE.replace("auto_media_port", media_port)]
    for step in steps:
        match step:
            case Press(keys):
                parts.append(f"<nop><action><exec play_dtmf={quoteattr(keys)}/></action></nop>")
            case Pause(seconds):
                parts.append(f'<pause milliseconds="{round(seconds * 1000)}"/>')
            case HangUp():
                parts.append(_BYE)
            case WaitBye():
                parts.append(_WAIT_BYE)
    body = "\n".join(parts)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="caller">\n{body}\n</scenario>\n'


#: `play_dtmf` sends payload type 96 whatever was agreed, so 96 is what is offered.
_INVITE = """
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=caller 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0 96
a=rtpmap:0 PCMU/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-16
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rtd="true" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
[last_To:]
[routes]
Call-ID: [call_id]
CSeq: 1 ACK
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: 0

]]></send>
"""
_BYE = """
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
[last_To:]
[routes]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
"""
_WAIT_BYE = """
<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[field0]@[local_ip]:[local_port]>
Content-Length: 0

]]></send>
"""
