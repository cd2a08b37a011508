"""`cti switch check`: is this switch what the settings say, and can each trunk carry a call?"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from cti.core.errors import CtiError
from cti.switch.conf.directorycheck import directory_verdicts
from cti.switch.conf.generated import OPTIONAL_MODULES
from cti.switch.conf.settings import SwitchSettings, check_password
from cti.switch.conf.talk import Talk
from cti.switch.conf.trunkcheck import trunk_verdicts
from cti.switch.conf.verdict import Finding, Verdict, bad, good, warn
from cti.switch.links.settings import WORKER
from cti.switch.media_orders import video_module

__all__ = ["CheckReport", "Finding", "Verdict", "check"]

Api = Callable[[str], str]
REQUIRED_MODULES = ("mod_commands", "mod_dptools", "mod_dialplan_xml", "mod_sofia", "mod_sndfile", "mod_tone_stream")
LOST_WITHOUT = {"mod_spandsp": "fax and in-band digits", "mod_conference": "three-party talk and supervision"}
TESTED_VERSIONS = ("1.10", "1.11")
PROFILES = ("phones", "trunks")
CONTEXTS = PROFILES  # of the dialplan


@dataclass(frozen=True, slots=True)
class CheckReport:
    findings: tuple[Finding, ...]

    @property
    def status(self) -> int:
        """Exit status: 0 when nothing is wrong (warnings allowed), 1 otherwise."""
        return 1 if any(finding.verdict is Verdict.FAIL for finding in self.findings) else 0

    def as_dict(self) -> dict[str, Any]:
        return {"ok": self.status == 0, "findings": [finding.as_dict() for finding in self.findings]}

    def text(self) -> str:
        return "".join(f"{finding}\n" for finding in self.findings)


def check(
    settings: SwitchSettings, password: str, *, timeout_s: float = 5.0, films: Collection[str] = ()
) -> CheckReport:
    """Connect and examine. ``films``: files that flows play as videos. Never raises for what is wrong with the switch:
    that is what the findings say."""
    socket = settings.event_socket
    try:
        check_password(password)
    except ValueError as error:
        return CheckReport((bad("switch-password", "event socket", str(error), "run `cti switch config` again"),))
    findings: list[Finding] = []
    try:
        with Talk(socket.address, socket.port, password, timeout_s) as talk:
            findings.append(good("event-socket", "event socket", f"logged in at {socket.address}:{socket.port}"))
            for examine in (
                _version,
                _modules,
                _safety,
                _dialplan,
                _load,
                _profiles,
                _trunks,
                _phones,
                directory_verdicts,
            ):
                findings.extend(examine(settings, talk.api))
            findings.extend(_films(films, talk.api))
    except CtiError as error:
        findings.append(bad(error.code, "event socket", error.message, error.remedy))
    return CheckReport(tuple(findings))


def _version(_: SwitchSettings, api: Api) -> Iterator[Finding]:
    yield from tested_version(api)


def tested_version(api: Api) -> Iterator[Finding]:
    answer = api("version")
    found = re.search(r"(\d+\.\d+)\.(\d+)", answer)
    if found is None:
        yield bad("version", "version", f"does not say its version: {answer[:60]!r}", "is this FreeSWITCH?")
    elif found.group(1) not in TESTED_VERSIONS:
        yield warn("version", "version", f"{found.group(0)} is not tested", f"use {' or '.join(TESTED_VERSIONS)}")
    else:
        yield good("version", "version", found.group(0))


def _modules(settings: SwitchSettings, api: Api) -> Iterator[Finding]:
    yield from modules(settings.modules, api)


def modules(more: Collection[str], api: Api) -> Iterator[Finding]:
    """Those that every deployment needs, and ``more``."""
    missing = [name for name in (*REQUIRED_MODULES, *more) if api(f"module_exists {name}") != "true"]
    if missing:
        remedy = "build or install them (Debian: freeswitch-mod-…) and restart the switch"
        yield bad("module-missing", "modules", f"not loaded: {', '.join(missing)}", remedy)
    else:
        yield good("modules", "modules", "all that are needed are loaded")
    for name in (*OPTIONAL_MODULES, "mod_conference"):
        if api(f"module_exists {name}") != "true":
            yield warn("module-optional", name, f"not loaded: no {LOST_WITHOUT[name]}", "build it if you need that")


def _films(films: Collection[str], api: Api) -> Iterator[Finding]:
    by_module: dict[str | None, list[str]] = {}
    for film in sorted(films):
        by_module.setdefault(video_module(film), []).append(film)
    for module, names in by_module.items():
        told = ", ".join(names)
        if module is None:
            remedy = "make it mp4, mov, mkv, webm or fsv"
            yield warn("video-kind", told, "no module of a switch plays it: `video` leaves by `unsupported`", remedy)
        elif api(f"module_exists {module}") != "true":
            remedy = f"build applications/{module} (docs/freeswitch.md) and run `cti switch config --modules`"
            yield warn("video-module", told, f"{module} is not loaded: `video` leaves by `unsupported`", remedy)
        else:
            yield good("video", told, f"played by {module}")


def _safety(_: SwitchSettings, api: Api) -> Iterator[Finding]:
    yield from safety(api)


def safety(api: Api) -> Iterator[Finding]:
    """Does the running switch execute what a caller writes? Asked of the switch, not of the files."""
    if not re.search(r"\boff\b", api("fsctl api_expansion")):
        remedy = "restart the switch on the rendered configuration (api-expansion false)"
        yield bad("api-expansion", "safety", "`${command(…)}` inside arguments is executed", remedy)
    elif api("global_getvar disable_system_api_commands") != "true":
        remedy = "restart the switch on the rendered configuration"
        yield bad("system-commands", "safety", "the `system` command is available to every client", remedy)
    else:
        yield good("safety", "safety", "API expansion and system commands are off")


def _dialplan(_: SwitchSettings, api: Api) -> Iterator[Finding]:
    yield from dialplan(api)


def dialplan(api: Api) -> Iterator[Finding]:
    """Does the running dialplan give calls to our workers? An embedded switch has no file of it and is not asked."""
    told = {name: api(f"xml_locate dialplan context name {name}") for name in CONTEXTS}
    if any(answer.startswith("-ERR") for answer in told.values()):
        return
    remedy = "install what `cti switch config` writes and run `reloadxml` on the switch"
    for name, answer in told.items():
        if "<context" not in answer:
            yield warn("dialplan-missing", "dialplan", f"it has no context {name!r} (one of your own?)", remedy)
        elif f"{WORKER}=" not in answer:
            message = f"context {name!r} is of another release: no engine hears of its calls ({WORKER} is not set)"
            yield bad("dialplan-old", "dialplan", message, remedy)
    if all(f"{WORKER}=" in answer for answer in told.values()):
        yield good("dialplan", "dialplan", "gives calls to the workers")


def _load(settings: SwitchSettings, api: Api) -> Iterator[Finding]:
    wanted = (settings.load.max_sessions, settings.load.sessions_per_second)
    running = tuple(_number(api(f"fsctl {name}")) for name in ("max_sessions", "sps"))
    if running == wanted:
        yield good("load", "load", f"{wanted[0]} sessions, {wanted[1]} new ones a second")
    else:
        message = (
            f"runs with {running[0]} sessions and {running[1]} a second, the settings say {wanted[0]} and {wanted[1]}"
        )
        yield warn("load-differs", "load", message, "run `cti switch config` and restart the switch")


def _number(answer: str) -> int | None:
    found = re.search(r"(\d+)\s*$", answer)
    return int(found.group(1)) if found else None


def _profiles(settings: SwitchSettings, api: Api) -> Iterator[Finding]:
    status = api("sofia status")
    ports = {"phones": settings.sip.phones_port, "trunks": settings.sip.trunks_port}
    for name in PROFILES:
        line = re.search(rf"^\s*{name}\s+profile\s+(\S+)\s+(\w+)", status, re.MULTILINE)
        if line is None:
            remedy = (
                f"another program has port {ports[name]}, or the address is not this machine's: see the switch's log"
            )
            yield bad("profile-down", name, "the SIP profile did not start", remedy)
        elif line.group(2) != "RUNNING":
            yield bad(
                "profile-down", name, f"the SIP profile is {line.group(2)}", f"see the log; port {ports[name]} free?"
            )
        elif not line.group(1).endswith(f":{ports[name]}"):
            yield warn(
                "profile-differs", name, f"runs as {line.group(1)}", "run `cti switch config` and restart the switch"
            )
        else:
            yield good("profile", name, f"SIP on {line.group(1).rpartition('@')[2]}")


def _trunks(settings: SwitchSettings, api: Api) -> Iterator[Finding]:
    if not settings.trunks:
        yield warn("no-trunk", "trunks", "none is configured: nobody can call in", "add one under `trunks:`")
    for trunk in settings.trunks_in_order():
        yield from trunk_verdicts(trunk, api)


def _phones(settings: SwitchSettings, api: Api) -> Iterator[Finding]:
    """Somebody must be reachable when the engine is not."""
    registered = set(re.findall(r"^User:\s+([0-9]+)@", api("sofia status profile phones reg"), re.MULTILINE))
    there = [phone for phone in settings.emergency.phones if phone in registered]
    if there:
        yield good("emergency", "emergency group", f"{', '.join(there)} registered")
    else:
        message = f"none of {', '.join(settings.emergency.phones)} is registered: without the engine nobody answers"
        yield warn("emergency-empty", "emergency group", message, "register one of them, or change emergency.phones")
