from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.kit import House, hasty
from tests.webhooks.receiver import Receiver


@pytest.fixture
def receivers() -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def make(*args: Any, **how: Any) -> Receiver:
        made.append(Receiver(*args, **how))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def receiver(receivers: Callable[..., Receiver]) -> Receiver:
    return receivers()


@pytest.fixture
def make_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., House]]:
    hasty(monkeypatch)
    made: list[House] = []

    def make(**how: Any) -> House:
        folder = tmp_path / f"house{len(made)}"
        folder.mkdir()
        made.append(House(folder, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house()
