"""What agents do with callers, and callbacks: the same tests with calls and distribution joined by a bus alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .platform import Platform
from .test_by_hand import *  # noqa: F403
from .test_callbacks import *  # noqa: F403
from .test_floor import *  # noqa: F403
from .test_supervision import *  # noqa: F403

pytestmark = pytest.mark.nightly


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Platform:
    return make_platform(apart=True)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    found = Platform(tmp_path_factory.mktemp("apart"), apart=True)
    yield found
    found.stop()
