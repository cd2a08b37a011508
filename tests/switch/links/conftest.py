"""Shared by the tests of the links."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest

from tests.switch.links.scripted import LIMIT_S


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    """No test of a link may hang."""
    with gevent.Timeout(4 * LIMIT_S, AssertionError("the test hangs")):
        yield
