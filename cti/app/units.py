"""Units for systemd: the engine, a switch of `cti switch config`, and a daily backup. `systemd.exec(5)` explains the
options. Memory that is written and executed is not forbidden: libffi, under gevent and cryptography, may need it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cti.app.parts import store_place
from cti.core.errors import ConfigError
from cti.store.database import file_of, parse_url

if TYPE_CHECKING:
    from pathlib import Path

    from cti.config import Settings

#: What the engine may have open; `cti doctor` says how many it needs.
FILES = 65_536
#: Beyond what the engine waits for its calls.
STOP_S = 20
#: Of the engine where the switch is on its machine: what the switch gives its calls (switch_core.c, SWITCH_PRI_LOW of
#: set_realtime_priority; its SIP and its clock have more). With less the engine would be the last to get a processor.
PRIORITY = 1

_HARDENING = """\
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX{families}
RestrictNamespaces=yes
RestrictRealtime={realtime}
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service{calls}
SystemCallFilter=~@debug @mount @cpu-emulation @obsolete @reboot @swap @module @raw-io
SystemCallErrorNumber=EPERM
"""

_ENGINE = """\
# Written by `cti ops units`. Changes belong into a drop-in: systemctl edit {name}
[Unit]
Description={what}
After=network-online.target cti-switch.service postgresql.service
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User={user}
ExecStart={cti} serve{how} --config {config}
# An engine that died takes up its calls again when it starts. No restart mends a configuration (exit status 2).
Restart=always
RestartSec=1
RestartPreventExitStatus=2
TimeoutStopSec={stop_s}
KillMode=mixed
LimitNOFILE={files}
LimitCORE=0
OOMScoreAdjust=-500
{scheduling}ReadWritePaths={writable}
{hardening}
[Install]
WantedBy=multi-user.target
"""

_BESIDE_SWITCH = f"""\
# The switch beside it gives its calls a real-time priority: without one of its own the engine would wait behind them.
CPUSchedulingPolicy=rr
CPUSchedulingPriority={PRIORITY}
"""

_SWITCH = """\
# Written by `cti ops units`. Changes belong into a drop-in: systemctl edit cti-switch
[Unit]
Description=FreeSWITCH for the CTI engine
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User={user}
ExecStart={command}
Restart=always
RestartSec=1
TimeoutStopSec=30
LimitNOFILE={files}
LimitCORE=0
LimitRTPRIO=99
LimitSTACK=1M
OOMScoreAdjust=-600
# It records into the engine's folder and plays from it; the keys and the database are none of its business.
ReadWritePaths={folder} {data}
InaccessiblePaths={hidden}
{hardening}
[Install]
WantedBy=multi-user.target
"""

_BACKUP = """\
# Written by `cti ops units`.
[Unit]
Description=Backup of the CTI engine

[Service]
Type=oneshot
User={user}
ExecStart={cti} backup create {target} --config {config}
Nice=10
IOSchedulingClass=idle
ReadWritePaths={target} {data}
{hardening}"""

_TIMER = """\
# Written by `cti ops units`.
[Unit]
Description=Daily backup of the CTI engine

[Timer]
OnCalendar=*-*-* 03:20
RandomizedDelaySec=10m
Persistent=yes

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """``config``: the engine's file. ``switch``: how a FreeSWITCH is started, and its folder; None: it is not here.
    ``backups``: the folder for them; None: no backups. ``user``: of both, as they exchange files. ``standby``: two
    engines, of which one waits, its program loaded, for the end of the other."""

    settings: Settings
    config: Path
    user: str
    switch: tuple[list[str], Path] | None = None
    backups: Path | None = None
    standby: bool = False


def units(plan: Plan) -> dict[str, str]:
    """File name -> text. Raises ConfigError (bad-path): a path that systemd would take for several words."""
    settings, data = plan.settings, plan.settings.data.resolve()
    words = {
        "user": plan.user,
        "cti": f"{sys.executable} -m cti",
        "config": str(plan.config.resolve()),
        "data": str(data),
        "files": str(FILES),
    }
    written = _written(settings)
    paths = [plan.config.resolve(), *written]
    beside = plan.switch is not None
    engines = {"cti-engine": "CTI engine", **({"cti-standby": "CTI engine, the other one"} if plan.standby else {})}
    found = {
        f"{name}.service": _ENGINE.format(
            **words,
            name=name,
            what=what,
            how=" --standby" if plan.standby else "",  # both: whoever comes second waits
            stop_s=round(settings.worker.drain_s) + STOP_S,
            scheduling=_BESIDE_SWITCH if beside else "",
            writable=" ".join(map(str, written)),
            hardening=_hardening(paths, realtime=beside),
        )
        for name, what in engines.items()
    }
    if plan.switch is not None:
        command, folder = plan.switch
        paths += [folder]
        hidden = " ".join(f"-{file}" for file in _secrets(settings))
        # Voice needs its time: FreeSWITCH gives its media threads a priority that it may have.
        hardening = _hardening(paths, realtime=True, families=" AF_NETLINK", calls=" @resources")
        found["cti-switch.service"] = _SWITCH.format(
            **words, command=" ".join(command), folder=folder, hidden=hidden, hardening=hardening
        )
    if plan.backups is not None:
        target = plan.backups.resolve()
        paths += [target]
        found["cti-backup.service"] = _BACKUP.format(**words, target=target, hardening=_hardening(paths))
        found["cti-backup.timer"] = _TIMER
    for path in paths:
        if any(char.isspace() or char in "%$\"'\\;" for char in str(path)):
            raise ConfigError(
                f"systemd would misread the path {path}", code="bad-path", remedy="use one without blanks"
            )
    return found


def _written(settings: Settings) -> list[Path]:
    """Folders that the engine writes: the flows too, which the API saves, and the last good phones of a switch."""
    url, keys = store_place(settings)
    database = file_of(parse_url(url))
    found = [settings.data, settings.flows, keys.parent, *([database.parent] if database is not None else [])]
    found += [switch.folder for switch in settings.switches if switch.folder is not None]
    return list(dict.fromkeys(folder.resolve() for folder in found))


def _secrets(settings: Settings) -> list[Path]:
    url, keys = store_place(settings)
    files = [keys, settings.data / "token-key.pem"]
    database = file_of(parse_url(url))
    if database is not None:
        files += [database.with_name(database.name + end) for end in ("", "-wal", "-shm", ".spill.jsonl")]
    return [file.resolve() for file in files]


def _hardening(paths: list[Path], *, realtime: bool = False, families: str = "", calls: str = "") -> str:
    """``paths``: what is needed; a program that is installed below a home can be read there. ``realtime``: it may give
    threads a real-time priority: a switch its own, an engine the one that reads its commands
    (`cti.switch.links.ahead`). Neither has a capability for it: whoever has less than a process sees nothing of it."""
    home = any(str(path).startswith(("/home/", "/root/", "/run/user/")) for path in (*paths, sys.prefix))
    return _HARDENING.format(
        home="read-only" if home else "yes",
        realtime="no" if realtime else "yes",
        families=families,
        calls=calls,
    )
