"""A gevent loop on virtual time, and chance from a seed. Installed before anything of cti is imported.

Greenlets that are ready run as ever. When none is, the clock jumps to the next timer; of timers due together the seed
says which comes first. Work for threads is done at once by whoever asks: there is one thread, and no order but ours.
"""

from __future__ import annotations

import heapq
import os
import random
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any

import gevent.threadpool
from gevent import config
from gevent.event import AsyncResult
from gevent.libev.corecext import loop as real_loop


def engine_of(greenlet: Any) -> int:
    """The number of the engine (`engines`) that a greenlet came of; 0: of none."""
    found: int = (getattr(greenlet, "spawn_tree_locals", None) or {}).get("engine", 0)
    return found


#: What the wall clock shows at the start: a Wednesday, 10 o'clock in the morning in Shanghai.
BEGINS = 1_767_751_200.0


class VirtualTime:
    """``now``: seconds, monotonic; ``wall``: so much more is what the wall clock shows. ``chance`` is of the whole run;
    ``timers``: (due, drawn, number, timer). ``stopped``: engines that do not run, as by SIGSTOP: their timers wait."""

    def __init__(self, seed: int) -> None:
        self.chance, self.ids = random.Random(), random.Random()
        self.begin(seed)
        self.timers: list[tuple[float, float, int, VirtualTimer]] = []
        self.stopped: set[int] = set()
        self._overdue: list[tuple[int, VirtualTimer]] = []
        self._number = 0

    def begin(self, seed: int) -> None:
        """Chance and time are those of ``seed`` from here on."""
        self.now, self.wall = 1000.0, BEGINS
        self.chance.seed(seed)
        self.ids.seed(f"ids of {seed}")
        random.seed(seed)

    def push(self, timer: VirtualTimer, after_s: float) -> int:
        self._number += 1
        heapq.heappush(self.timers, (self.now + max(0.0, after_s), self.chance.random(), self._number, timer))
        return self._number

    def jump(self) -> None:
        """To the next timer that still counts, and run it."""
        while self.timers:
            due, _, number, timer = heapq.heappop(self.timers)
            if timer.number == number:
                if timer.engine in self.stopped:
                    self._overdue.append((number, timer))
                    continue
                self.now = max(self.now, due)
                timer.fire()
                return

    def go_on(self, engine: int) -> None:
        """As by SIGCONT: what was due meanwhile is done now, in its order."""
        self.stopped.discard(engine)
        overdue = [one for one in self._overdue if one[1].engine == engine]
        self._overdue = [one for one in self._overdue if one[1].engine != engine]
        for number, timer in overdue:
            if timer.number == number:
                timer.fire()


class VirtualTimer:
    """As a timer watcher of gevent. ``after_s``, ``repeat_s``: seconds; 0 repeats never."""

    def __init__(self, world: VirtualTime, after_s: float, repeat_s: float) -> None:
        self._world, self._after_s, self._repeat_s = world, after_s, repeat_s
        self.engine = engine_of(gevent.getcurrent())
        self.number = 0
        self.pending = False
        self.callback: Callable[..., Any] | None = None
        self.args: tuple[Any, ...] = ()

    @property
    def active(self) -> bool:
        return self.number > 0

    def start(self, callback: Callable[..., Any], *args: Any, update: bool | None = None) -> None:
        self.callback, self.args = callback, args
        self.number = self._world.push(self, self._after_s)

    def again(self, callback: Callable[..., Any], *args: Any, update: bool | None = None) -> None:
        self.callback, self.args = callback, args
        self.number = self._world.push(self, self._repeat_s)

    def stop(self) -> None:
        self.number, self.callback, self.args = 0, None, ()

    close = stop

    def fire(self) -> None:
        callback, args = self.callback, self.args
        if self._repeat_s:
            self.number = self._world.push(self, self._repeat_s)
        else:
            self.stop()
        if callback is not None:
            gevent.get_hub().loop.run_callback(callback, *args)

    def __enter__(self) -> VirtualTimer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _InlinePool:
    """In the place of a pool of threads."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.size = self.maxsize = 1

    def __len__(self) -> int:
        return 0

    def spawn(self, work: Callable[..., Any], *args: Any, **named: Any) -> AsyncResult[Any]:
        result: AsyncResult[Any] = AsyncResult()
        try:
            result.set(work(*args, **named))
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            result.set_exception(error)
        return result

    def apply(self, work: Callable[..., Any], args: Any = (), kwds: Any = None) -> Any:
        return work(*args, **(kwds or {}))

    def kill(self) -> None:
        """There is no thread."""

    join = kill


def install(seed: int) -> VirtualTime:
    """For the whole process, for good: once, and before cti is imported."""
    world = VirtualTime(seed)

    class VirtualLoop(real_loop):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self._idler = self.idle()
            self._idler.start(self._nothing_ready)

        def timer(self, after: float, repeat: float = 0.0, ref: bool = True, priority: Any = None) -> Any:
            return VirtualTimer(world, after, repeat)

        def now(self) -> float:
            return BEGINS + world.now

        def _nothing_ready(self) -> None:
            if not getattr(self, "_callbacks"):  # noqa: B009 - the published types leave it out
                world.jump()

    loop: Any = VirtualLoop
    pool: Any = _InlinePool
    config.loop = loop
    config.threadpool = pool
    gevent.threadpool.ThreadPool = pool  # type: ignore[misc]
    time.monotonic = time.perf_counter = time.process_time = time.thread_time = lambda: world.now
    time.clock_gettime = lambda clock: world.now
    time.time = lambda: world.wall + world.now
    fixed = world.ids
    os.urandom = fixed.randbytes

    class SeededRandom(random.Random):
        def __init__(self, x: Any = None) -> None:
            super().__init__(fixed.getrandbits(64) if x is None else x)

    random.Random = SeededRandom  # type: ignore[misc]
    secrets.token_bytes = lambda nbytes=None: fixed.randbytes(nbytes or 32)
    uuid.uuid4 = lambda: uuid.UUID(int=fixed.getrandbits(128), version=4)
    return world
