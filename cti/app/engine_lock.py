"""One engine at a time in a worker slot: a lock in the data folder, which the kernel takes back when its process dies.

The file names the last runs, so that one that is restarted may take its slot on the switch at once: whoever held it had
this lock, and is dead. That is so on this machine, since its last start, and for this very file: a copy of the folder
names runs that may still live where the original is, so who finds one waits as for any other engine.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import gevent

from cti.app.boot import boot_id
from cti.core.errors import ConfigError
from cti.core.issue import Place
from cti.switch.holding import Holder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Runs that are remembered, and how often a standby looks whether it is its turn.
RUNS_KEPT, LOOK_S = 10, 0.1


@contextmanager
def engine_lock(
    data: Path, node: str, slot: int, *, wait: bool = False, lost: Callable[[str], object] = lambda _by: None
) -> Iterator[Holder]:
    """Hold the lock of ``slot`` in the folder ``data``. ``wait``: until whoever has it ends. Raises ConfigError
    (engine-running, bad-data-folder)."""
    file = data / f"engine-{slot}.lock"
    try:
        data.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        remedy = "the engine's user must be able to write into `data`"
        message, code = f"no lock in the data folder: {error.strerror}", "bad-data-folder"
        raise ConfigError(message, code=code, place=Place(str(file)), remedy=remedy) from error
    try:
        while not _locked(handle):
            if not wait:
                raise ConfigError(
                    f"an engine is running there already: {_runs(handle)[-1:] or ['(just begun)']}",
                    code="engine-running",
                    place=Place(str(file)),
                    remedy="give this engine another `node` or `worker.slot` and `data`, or start it with --standby",
                )
            gevent.sleep(LOOK_S)
        runs = _runs(handle)
        here = _place(handle)
        before = runs if here is not None and here == _told(handle).get("place") else []
        name = f"{node}-{slot}.{_host()}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
        _write(handle, [*runs, name][-RUNS_KEPT:])
        yield Holder(name, frozenset(before), lost)
    finally:
        os.close(handle)


def tell_to_hand_over(data: Path, slot: int) -> bool:
    """The engine of this machine that runs in the slot leaves everything to the next one, at once; False: none runs,
    or elsewhere (another container), where process numbers are not ours. Raises ConfigError (bad-data-folder): it is
    another user's."""
    file = data / f"engine-{slot}.lock"
    try:
        handle = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        runs = _runs(handle)
        if _locked(handle) or not runs:
            return False
        _, host, process, _ = runs[-1].rsplit(".", 3)
        if host != _host() or int(process) == os.getpid():
            return False
        os.kill(int(process), signal.SIGUSR1)
    except (ProcessLookupError, ValueError, IndexError):
        return False
    except PermissionError as error:
        message, remedy = "the running engine is another user's", "start this one as the same user"
        raise ConfigError(message, code="bad-data-folder", place=Place(str(file)), remedy=remedy) from error
    finally:
        os.close(handle)
    return True


def _host() -> str:
    return re.sub("[^0-9A-Za-z-]", "-", socket.gethostname())[:40]


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _place(handle: int) -> str | None:
    """Where the file is; None: the machine does not tell which start of it this is."""
    boot, file = boot_id(), os.fstat(handle)
    return f"{boot}/{file.st_dev}/{file.st_ino}" if boot else None


def _runs(handle: int) -> list[str]:
    found = _told(handle).get("runs")
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _told(handle: int) -> dict[str, object]:
    """What stands in the file; nothing when a run died while it wrote. Before it told its place it was a list."""
    try:
        found = json.loads(os.pread(handle, 65_536, 0) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {"runs": found}


def _write(handle: int, runs: list[str]) -> None:
    text = json.dumps({"place": _place(handle), "runs": runs}).encode()
    os.ftruncate(handle, 0)
    os.pwrite(handle, text, 0)
    os.fsync(handle)
