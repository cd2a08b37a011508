"""What agents do with callers, and callbacks: the same tests with calls and distribution joined by a bus alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from . import test_by_hand, test_supervision
from .floorkit import desks  # noqa: F401  # a fixture
from .platform import Platform
from .test_callbacks import *  # noqa: F403
from .test_floor import *  # noqa: F403

for module in (test_by_hand, test_supervision):  # these name what they give to others
    globals().update({name: test for name, test in vars(module).items() if name.startswith("test_")})

pytestmark = pytest.mark.nightly


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Platform:
    return make_platform(apart=True)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    found = Platform(tmp_path_factory.mktemp("apart"), apart=True)
    yield found
    found.stop()
