"""SIPp phones of a run that are not in the tests' own kit."""

from __future__ import annotations

import subprocess

from tests.real.sipp_phones import _ANSWERS, _HEADERS, SippPhone

REGISTERED_S = 7200  # they register once: longer than any run

#: Rings until the caller gives up. The refusal of an INVITE repeats the number of the INVITE, not of the CANCEL.
_ONLY_RINGS = f"""
<recv request="INVITE"><action>
  <ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="1"/>
</action></recv>
<send><![CDATA[
SIP/2.0 180 Ringing
{_HEADERS}Content-Length: 0

]]></send>
<recv request="CANCEL"/>
<send><![CDATA[
SIP/2.0 200 OK
{_HEADERS}Content-Length: 0

]]></send>
<send><![CDATA[
SIP/2.0 487 Request Terminated
{_HEADERS.replace("[last_CSeq:]", "CSeq: [$1] INVITE")}Content-Length: 0

]]></send>
<recv request="ACK"/>
"""


class DeafPhone(SippPhone):
    """Nobody answers it."""

    def _start(self, scenario: str, more: list[str], name: str = "answers") -> subprocess.Popen[bytes]:
        return super()._start(_ONLY_RINGS if scenario == _ANSWERS else scenario, more, name)
