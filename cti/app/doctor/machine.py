"""The configuration's secrets, and the machine: disk, ports, limits, clock, certificates."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen
from zoneinfo import ZoneInfo

from cryptography import x509

from cti.app.parts import store_place
from cti.switch.conf.verdict import Finding, bad, good, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.config import Settings

GIB = 1 << 30
LOW, LOW_SHARE, FULL = 2 * GIB, 0.10, 200 << 20
#: Of one call: the event links are shared, but prompts, recordings and clients of the API come with it.
FILES_PER_CALL, FILES_BESIDE = 3, 2_000
SOON = timedelta(days=30)


def configuration(settings: Settings, config: Path) -> Iterator[Finding]:
    yield good("configuration", str(config), f"{len(settings.switches)} switches, {len(settings.queues)} queues")
    for switch in settings.switches:
        if switch.password is not None and not switch.password.startswith("${"):
            where = f"switches: {switch.name}"
            yield warn("password-in-configuration", where, "its password is in this file", "use `password_file:`")
    here, there = datetime.now(UTC).astimezone().utcoffset(), datetime.now(ZoneInfo(settings.timezone)).utcoffset()
    if here != there:
        message = f"the engine is {there} from UTC, the machine {here}"
        yield warn("timezone-differs", settings.timezone, message, "`timedatectl set-timezone`, if it is not meant so")
    else:
        yield good("timezone", settings.timezone, "as the machine has it")
    yield from _secrets(settings, config)


def _secrets(settings: Settings, config: Path) -> Iterator[Finding]:
    _, keys = store_place(settings)
    files = [config, keys, settings.data / "token-key.pem"]
    files += [switch.password_file for switch in settings.switches if switch.password_file is not None]
    open_ = []
    for file in files:
        try:
            mode = file.stat().st_mode
        except OSError:
            continue
        readable = mode & 0o004 if file == config else mode & 0o077
        if readable and (file != config or any(one.password is not None for one in settings.switches)):
            open_.append(file)
    for file in open_:
        yield bad("secret-readable", str(file), "others than its owner can read it", f"chmod 600 {file}")
    if not open_:
        yield good("secrets", "files with secrets", "for their owner alone")


def machine(settings: Settings) -> Iterator[Finding]:
    yield from _data(settings)
    yield from _descriptors(settings)
    yield from _clock()
    yield from _port(settings)
    yield from _certificates(settings)


def _data(settings: Settings) -> Iterator[Finding]:
    folder = settings.data
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
        usage = shutil.disk_usage(folder)
    except OSError as error:
        remedy = "give the engine's user the folder, and mount its disk for writing"
        yield bad("data-unwritable", str(folder), error.strerror or str(error), remedy)
        return
    message = f"{usage.free / GIB:.1f} GiB free of {usage.total / GIB:.1f}"
    if usage.free < FULL:
        yield bad("disk-low", str(folder), message, "make room now: records are lost when it is full")
    elif usage.free < LOW or usage.free < LOW_SHARE * usage.total:
        yield warn("disk-low", str(folder), message, "make room, or keep recordings for a shorter time")
    else:
        yield good("disk", str(folder), message)


def _descriptors(settings: Settings) -> Iterator[Finding]:
    """The hard limit counts: the engine takes what it may."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = FILES_PER_CALL * (settings.limits.calls or 1_000) + FILES_BESIDE
    if most != resource.RLIM_INFINITY and most < needed:
        message = f"{most} of this session, {needed} for {settings.limits.calls} calls"
        yield warn("descriptors-low", "open files", message, f"LimitNOFILE={needed} in the unit, or ulimit -n")
    else:
        yield good("descriptors", "open files", f"{'no limit' if most < 0 else most}, {needed} are enough")


def _clock() -> Iterator[Finding]:
    program = shutil.which("timedatectl")
    if program is None:
        return
    try:
        answer = subprocess.run(
            [program, "show", "--property=NTPSynchronized", "--value"], capture_output=True, text=True, timeout=5
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return
    if answer == "no":
        message = "nothing synchronises this machine's clock"
        yield warn("clock-unsynchronised", "clock", message, "timedatectl set-ntp true")
    elif answer == "yes":
        yield good("clock", "clock", "synchronised")


def _port(settings: Settings) -> Iterator[Finding]:
    api = settings.api
    subject = f"{api.host}:{api.port}"
    try:
        family = socket.getaddrinfo(api.host, api.port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((api.host, api.port))
    except OSError as error:
        if _ours(subject):
            yield good("port", subject, "an engine answers there")
        else:
            remedy = "`ss -ltnp` shows what has it; end that, or set another `api: {port: …}`"
            yield bad("port-taken", subject, error.strerror or str(error), remedy)
    else:
        yield good("port", subject, "free for the API")


def _ours(where: str) -> bool:
    """503 is an engine's answer as well: something is wrong with it, but the port is ours."""
    try:
        with urlopen(f"http://{where}/healthz", timeout=3) as answer:
            text = answer.read(65_536)
    except OSError as error:
        body = getattr(error, "read", None)
        text = body() if body is not None else b""
    try:
        told = json.loads(text)
    except ValueError:
        return False
    return isinstance(told, dict) and "switches" in told and "store" in told


def _certificates(settings: Settings) -> Iterator[Finding]:
    files = [settings.webhooks.ca_file] if settings.webhooks.ca_file is not None else []
    for switch in settings.switches:
        if switch.folder is not None:
            files += sorted((switch.folder / "conf").rglob("*.pem"))
    for file in files:
        yield _certificate(file)


def _certificate(file: Path) -> Finding:
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
        ends = min(one.not_valid_after_utc for one in found)
    except (OSError, ValueError) as error:
        remedy = "put a PEM file there that the engine's user may read"
        what = os.strerror(error.errno or 0) if isinstance(error, OSError) else "it holds no certificate"
        return bad("certificate-unreadable", str(file), what, remedy)
    left = ends - datetime.now(UTC)
    message = f"ends on {ends:%Y-%m-%d}"
    if left < timedelta(0):
        return bad("certificate-expires", str(file), message, "have it renewed")
    if left < SOON:
        return warn("certificate-expires", str(file), message, "have it renewed")
    return good("certificate", str(file), message)
