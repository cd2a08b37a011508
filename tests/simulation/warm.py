"""What every seed begins with, made once: the program loaded, a database that an engine has begun with, flows read."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import gevent

import cti.runtime.reload_start as start_module
from cti.runtime.reload_judge import Verdict

from .virtual_time import VirtualTime
from .world import World


class Warm:
    """``folder``: keys and files of an engine that ended. ``image``: its database."""

    def __init__(self, time: VirtualTime) -> None:
        self.time, self.folder = time, Path(tempfile.mkdtemp(prefix="cti-simulation-"))
        _read_once()
        world = World(self.folder, time)
        world.engines.start()
        world.engines.application.wait_until_up(60.0)
        world.engines.application.stop()
        gevent.sleep(60.0)
        self.image = world.database.image()
        time.timers.clear()
        gc.collect()
        gc.freeze()

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def world(self, seed: int, folder: Path, *, calls: int, faults: bool) -> World:
        """For good: in a process of its own."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        self.time.begin(seed)
        return World(folder, self.time, image=self.image, calls=calls, faults=faults)


def forked(work: Callable[[], str]) -> Callable[[], str]:
    """Begin ``work`` in a child; what it gives is waited for by calling what is returned. Empty: the child died."""
    there, here = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(there)
        gevent.reinit()
        gc.disable()
        code = 1
        try:
            said = work().encode()
            with os.fdopen(here, "wb") as out:
                out.write(said)
            code = 0
        finally:
            os._exit(code)  # greenlets are left as they are: nothing outlives the process
    os.close(here)

    def wait() -> str:
        with os.fdopen(there, "rb") as said:
            text = said.read().decode()
        os.waitpid(child, 0)
        return text

    return wait


def _read_once() -> None:
    """Flows of a folder that does not change are judged once."""
    judge, known = vars(start_module)["judge"], dict[str, Verdict]()

    def remembered(job: object, *rest: object) -> Verdict:
        key = repr(job)
        if key not in known:
            known[key] = judge(job, *rest)
        return known[key]

    vars(start_module)["judge"] = remembered
