"""The file of notices: what is taken, what is told of with its place; and whom a notice concerns."""

from __future__ import annotations

from datetime import datetime

import pytest

from cti.core.commands import FindNotices
from cti.flow.notices import MAX_SAID, find_notices, load_notices

NOW = datetime.fromisoformat("2026-03-02T10:00+08:00")
GOOD = """\
notices:
  - id: outage-1
    say: {zh-CN: "中断。", en-US: "Outage."}
    areas: ["010", "0755"]
    services: broadband
    numbers: ["0108888*", "138????????"]
    starts: 2026-03-02T10:00+08:00
    ends: 2026-03-02T18:00+08:00
    priority: 9
"""


def issues(text: str, *languages: str) -> list[tuple[int, int, str]]:
    loaded = load_notices(text, "notices.yaml", languages=languages)
    assert (loaded.notices is None) == bool(loaded.issues)
    return [(issue.place.line, issue.place.col, issue.code) for issue in loaded.issues]


def found(text: str, at: datetime = NOW, **asked: str) -> list[str]:
    loaded = load_notices(text, "notices.yaml")
    assert loaded.notices is not None, loaded.issues
    return [notice.id for notice in find_notices(loaded.notices, FindNotices(1, at, **asked))]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"number": "01088880001", "service": "broadband"}, True),
        ({"number": "+86 10 8888 0001"}, True),
        ({"number": "01077770001"}, False),
        ({"number": "01088880001", "service": "tv"}, False),
        ({"number": "13800000000"}, False),
        ({"number": "13800000000", "area": "0755"}, True),
        ({"area": "010"}, False),
        ({}, False),
    ],
)
def test_whom_it_concerns(asked: dict[str, str], told: bool) -> None:
    assert found(GOOD, **asked) == (["outage-1"] if told else [])


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-03-02T09:59:59+08:00", 0),
        ("2026-03-02T02:00:00Z", 1),
        ("2026-03-02T17:59+08:00", 1),
        ("2026-03-02T18:00+08:00", 0),
    ],
)
def test_when_it_holds(at: str, told: int) -> None:
    assert len(found(GOOD, datetime.fromisoformat(at), number="01088880001")) == told


def test_the_most_urgent_first_and_no_more_than_anybody_listens_to() -> None:
    listed = "".join(f"  - {{id: n{number}, say: x, priority: {number}}}\n" for number in range(9))
    assert found(f"notices:\n{listed}") == [f"n{number}" for number in range(8, 8 - MAX_SAID, -1)]


def test_every_mistake_with_its_place() -> None:
    text = """\
notices:
  - {id: a, say: x, until: 5}
  - {say: x}
  - {id: "a b", say: x}
  - {id: c}
  - {id: d, say: {xx_: x}}
  - {id: e, say: x, starts: 2026-03-02T10:00}
  - {id: f, say: x, starts: 2026-03-02T10:00+08:00, ends: 2026-03-02T09:00+08:00}
  - {id: g, say: x, numbers: ["138-1"], priority: 101}
  - {id: h, say: x}
  - {id: h, say: y}
  - {id: i, say: ""}
more: 1
"""
    assert issues(text) == [
        (13, 1, "unknown-option"),
        (2, 21, "unknown-option"),
        (3, 5, "missing-option"),
        (4, 10, "bad-name"),
        (5, 5, "missing-option"),
        (6, 19, "bad-option"),
        (7, 29, "bad-option"),
        (8, 5, "bad-option"),
        (9, 30, "bad-option"),
        (9, 51, "bad-option"),
        (11, 5, "duplicate-key"),
        (12, 18, "bad-option"),
    ]


def test_a_language_that_is_missing() -> None:
    assert issues(GOOD, "zh-CN", "en-US") == []
    assert issues(GOOD, "zh-CN", "de-DE") == [(3, 10, "missing-prompt")]


@pytest.mark.parametrize("text", ["", "[]", "notices:", "notices: x", "a: [", "\0", "notices: []\nnotices: []"])
def test_what_is_no_file_of_notices(text: str) -> None:
    assert issues(text)


def test_none_at_all() -> None:
    assert issues("notices: []") == []
