from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cti.switch import liveness

from .platform import Platform


@pytest.fixture
def make_platform(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    """Build a platform as a test needs it; at the end nothing of any call may be left."""
    with ExitStack() as stack:

        def make(**how: Any) -> Platform:
            platform = Platform(tmp_path, **how)
            stack.callback(platform.stop)
            made.append(platform)
            return platform

        made: list[Platform] = []
        yield make
        for platform in made:
            platform.close()


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Platform:
    return make_platform()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats in fractions of a second, so that a test sees them stop."""
    monkeypatch.setattr(liveness, "BEAT_S", 0.3)
    monkeypatch.setattr(liveness, "LIFE_S", 2)
