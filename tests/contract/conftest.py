"""Both halves of the suite: `embedded` always, `real` where a FreeSWITCH is found."""

from __future__ import annotations

import math
import struct
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .desk import Desk
from .embedded_rig import EmbeddedRig
from .legs_desk import LegsDesk
from .rig import Rig, wait_for
from .tap import Tap

Tone = Callable[[float], str]


@pytest.fixture(scope="package", params=["embedded", pytest.param("real", marks=pytest.mark.real)])
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    if request.param == "embedded":
        embedded = EmbeddedRig(tmp_path_factory.mktemp("embedded"))
        yield embedded
        embedded.close()
    else:
        switch = request.getfixturevalue("real_switch")
        from .real_rig import RealRig

        yield RealRig(switch)


@pytest.fixture(scope="package")
def links(rig: Rig) -> Iterator[Desk]:
    desk = Desk(rig)
    yield desk
    desk.links.stop()


@pytest.fixture
def desk(links: Desk) -> Iterator[Desk]:
    """No calls before, none after."""
    links.open()
    yield links
    links.rig.tidy()
    links.close()


@pytest.fixture(scope="module")
def legs_links(links: Desk) -> Iterator[LegsDesk]:
    running = LegsDesk(links)
    yield running
    running.close()


@pytest.fixture
def legs(legs_links: LegsDesk, desk: Desk) -> LegsDesk:
    """Nothing told yet, no leg known: the end of those of the test before may yet be told."""
    known = legs_links.legs.own, legs_links.driver.legs
    wait_for(lambda: not any(known), "the end of the legs of before is told")
    legs_links.told.clear()
    return legs_links


@pytest.fixture
def bare(rig: Rig) -> Iterator[Tap]:
    """Logged in, subscribed to nothing."""
    tap = Tap(rig)
    yield tap
    tap.close()


@pytest.fixture
def tap(bare: Tap) -> Tap:
    """Told everything."""
    assert bare.command("event plain ALL") == "+OK event listener enabled plain"
    return bare


@pytest.fixture(scope="session")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Tone:
    """Path of a WAV file that lasts so many seconds."""
    folder = tmp_path_factory.mktemp("tones")

    def make(seconds: float) -> str:
        path: Path = folder / f"tone-{seconds}.wav"
        if not path.exists():
            samples = [round(8000 * math.sin(0.345 * at)) for at in range(round(8000 * seconds))]
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
        return str(path)

    return make
