"""Served folders, of which nothing may be left over."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cti.boss.ways.files import remote
from tests.boss.rig import until
from tests.boss.ways.files.site import KINDS, Site


def sockets() -> int:
    return sum(os.path.realpath(f"/proc/self/fd/{fd}").find("socket:") >= 0 for fd in os.listdir("/proc/self/fd"))


def threads() -> set[threading.Thread]:
    """A thread of gevent's pools that asked for its own name stays in the list after its end, as a dummy."""
    return {one for one in threading.enumerate() if not isinstance(one, threading._DummyThread)}


@pytest.fixture
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No thread and no socket."""
    monkeypatch.setattr(remote, "PAUSE_S", (0.01, 0.02))
    before = (threads(), sockets())
    yield
    until(lambda: threads() <= before[0] and sockets() <= before[1])


@pytest.fixture
def make(tmp_path: Path, nothing_left: None) -> Iterator[Callable[..., Site]]:
    made = list[Site]()

    def make(kind: str, names: str = "utf-8") -> Site:
        made.append(Site(kind, tmp_path, names))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, make: Callable[..., Site]) -> Site:
    return make(request.param)


@pytest.fixture(params=KINDS[1:])
def server(request: pytest.FixtureRequest, make: Callable[..., Site]) -> Site:
    return make(request.param)
