"""What every seed begins with, made once: the program loaded, a database that an engine has begun with, flows read."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import gevent

from cti.switch.embedded.apps_media import blank_fax

from . import ground
from .callers import FAX_PAGES
from .virtual_time import VirtualTime
from .wide import WideWorld
from .world import World


class Warm:
    """``folder``: keys and files of an engine that ended. ``image``: its database. ``wide``: a world
    with agents, shipped flows, a back office and every fault."""

    def __init__(self, time: VirtualTime, *, wide: bool = False) -> None:
        self.time, self.folder = time, Path(tempfile.mkdtemp(prefix="cti-simulation-"))
        self._kind: type[World | WideWorld] = WideWorld if wide else World
        ground.load_once()
        if wide:
            ground.make_folder(self.folder)
            ground.take_the_place()
        world = self._kind(self.folder, time)
        world.engines.start()
        world.engines.application.wait_until_up(60.0)
        world.engines.application.stop()
        gevent.sleep(60.0)
        self.image = world.database.image()
        time.timers.clear()
        if wide:
            self._try_out()
        gc.collect()
        gc.freeze()

    def _try_out(self) -> None:
        """What is compiled, drawn and looked up at first use is there for all seeds: a whole run, with its faults."""
        folder = Path(tempfile.mkdtemp(prefix="cti-simulation-"))
        try:
            for pages in range(1, FAX_PAGES + 1):
                blank_fax(pages)
            wrong = self.world(0, folder, calls=50, faults=True).run()
            assert not wrong, wrong
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.time.timers.clear()

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def world(self, seed: int, folder: Path, *, calls: int, faults: bool) -> World | WideWorld:
        """For good: in a process of its own."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("flows"))
        self.time.begin(seed)
        return self._kind(folder, self.time, image=self.image, calls=calls, faults=faults)


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
