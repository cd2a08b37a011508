"""An API with a real store of users under it, somebody of every role, and a client for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from falcon import testing

from tests.api.description import held
from tests.api.site import Platform, staffed_office
from tests.runtime.accountkit import Office
from tests.runtime.conftest import make_platform

__all__ = ["make_platform"]  # a fixture, for tests on a whole platform


@pytest.fixture(autouse=True)
def _as_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test of the API is one of its description."""
    monkeypatch.setattr(testing.TestClient, "simulate_request", held(testing.TestClient.simulate_request))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """For tests that only read, or change what is their own."""
    found = staffed_office(tmp_path_factory.mktemp("office"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def platform(office: Office) -> Platform:
    return Platform(office)


@pytest.fixture
def fresh(tmp_path: Any) -> Iterator[Platform]:
    """For tests that move the clock or change anything."""
    office = staffed_office(tmp_path)
    yield Platform(office)
    office.close()
