"""Each switch: can we log in, is it what the engine needs, and can it read what it is to play?"""

from __future__ import annotations

import ipaddress
import re
import time
from typing import TYPE_CHECKING

from cti.app.doctor.database import skew
from cti.core.errors import ConfigError, DeadlineExceeded, SwitchUnavailable
from cti.switch.conf.check import dialplan, safety, tested_version
from cti.switch.conf.check import modules as needed_modules
from cti.switch.conf.talk import Talk
from cti.switch.conf.verdict import Finding, bad, good, warn
from cti.switch.links.ahead import Reader, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cti.config import Settings, SwitchSettings

#: Channels of a caller who talks to an agent.
LEGS = 2
SHORT = 12


def switches(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    for switch in settings.switches:
        yield from _switch(settings, switch, timeout_s)


def _switch(settings: Settings, switch: SwitchSettings, timeout_s: float) -> Iterator[Finding]:
    subject = f"switch {switch.name}"
    try:
        password = switch.secret()
    except ConfigError as error:
        code = "default-password" if error.code == "default-password" else "secret-unreadable"
        yield bad(code, subject, str(error.message), error.remedy or "see docs/configuration.md")
        return
    if len(password) < SHORT:
        yield warn("password-weak", subject, f"{len(password)} characters", "`cti switch config` makes a long one")
    if not _loopback(switch.host):
        message = f"{switch.host} is another machine, and the event socket is not encrypted"
        yield warn("event-socket-exposed", subject, message, "a VPN or TLS tunnel, and a firewall on the port")
    try:
        with Talk(switch.host, switch.port, password, timeout_s) as talk:
            yield good("event-socket", subject, f"logged in at {switch.host}:{switch.port}")
            before = time.time()
            there = float(talk.api("strepoch"))
            yield skew(subject, there + 0.5, before, time.time())  # it tells whole seconds
            if switch.kind == "freeswitch":
                yield from _freeswitch(settings, subject, talk.api)
                reader = Reader.look(talk.ports)
                with Talk(switch.host, switch.port, password, timeout_s) as another:
                    yield from _priorities(subject, reader.go_ahead(another.ask))
    except SwitchUnavailable as error:
        yield bad(error.code, subject, error.message, error.remedy or "look at its log")
    except DeadlineExceeded as error:
        yield bad("switch-slow", subject, error.message, "look at its load and its log")
    except ValueError:
        yield bad("switch-garbled", subject, "it does not tell the time", "is this the event socket of FreeSWITCH?")


def _freeswitch(settings: Settings, subject: str, api: Callable[[str], str]) -> Iterator[Finding]:
    yield from tested_version(api)
    yield from needed_modules((), api)
    yield from safety(api)
    yield from dialplan(api)
    yield _codecs(subject, api)
    yield _sessions(settings, subject, api)
    prompt = next((settings.data / "prompts").rglob("*.wav"), None)
    if prompt is not None:
        yield _readable(subject, str(prompt.resolve()), api)


def _priorities(subject: str, standing: Standing) -> Iterator[Finding]:
    if standing is Standing.AHEAD:
        yield good("commands-ahead", subject, "commands are read before calls are served")
    elif standing is Standing.EQUAL:
        message = "it has no real-time priority: voice waits for other programs"
        yield warn(
            "no-real-time", subject, message, "start it with its unit of `cti ops units`, or under `ulimit -r 99`"
        )
    elif standing is not Standing.ELSEWHERE:
        message = "on this machine, but we may not let it read commands before it serves calls"
        if standing is Standing.UNKNOWN:
            message = "which of its threads reads commands is not to be seen"
        remedy = "run it and the engine as one user, it with LimitRTPRIO=99: `cti ops units` writes them so"
        yield warn("commands-behind", subject, message, remedy)


def _codecs(subject: str, api: Callable[[str], str]) -> Finding:
    known = api("show codec")
    missing = [name for name in ("G.711 alaw", "G.711 ulaw") if name not in known]
    if missing:
        return bad("codec-missing", subject, f"no {', '.join(missing)}", "load the switch's core codecs")
    return good("codecs", subject, "G.711 is there")


def _sessions(settings: Settings, subject: str, api: Callable[[str], str]) -> Finding:
    found = re.search(r"(\d+)\s*$", api("fsctl max_sessions"))
    most, needed = int(found[1]) if found else 0, LEGS * settings.limits.calls
    if most < needed or not settings.limits.calls:
        message = f"{most} channels, {needed or 'any number of'} for {settings.limits.calls or 'unlimited'} calls"
        return warn(
            "sessions-low", subject, message, "raise `load.max_sessions` of the switch, or lower `limits.calls`"
        )
    return good("sessions", subject, f"{most} channels, {needed} are enough")


def _readable(subject: str, prompt: str, api: Callable[[str], str]) -> Finding:
    if api(f"file_exists {prompt}") == "false":
        remedy = "let the switch's user read the folder; on another machine, share it under the same path"
        return bad("prompts-unreadable", subject, f"it does not see {prompt}", remedy)
    return good("prompts-readable", subject, "it sees the prompts")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
