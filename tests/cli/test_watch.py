"""The wallboard: what it draws, and what it says when the API does not answer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cti.cli import main
from cti.cli.watch import agents_of, draw, fit

NOW = datetime(2026, 3, 2, 10, 0, 30, tzinfo=UTC)
QUEUE: dict[str, Any] = {
    "queue": "service", "opened": True, "waiting": 3, "longest_wait_s": 75.4, "expected_wait_s": None, "staffed": 5,
    "expected_wait_error": 0.184,
    "ready": 0, "talking": 4, "work": 1, "not_ready": 0, "service_level": {"within_s": 20, "value": 0.8},
}  # fmt: skip
AGENT = {
    "agent": "1001", "name": "王小明", "state": "NOT_READY", "reason": "break", "contacts": [],
    "since": "2026-03-02T10:00:00+00:00",
}  # fmt: skip


def test_the_board() -> None:
    lines = draw(
        [QUEUE, QUEUE | {"queue": "sales", "opened": False, "service_level": None, "expected_wait_error": None}],
        [AGENT],
        NOW,
        coloured=False,
    )
    assert lines.splitlines() == [
        "QUEUE           WAIT  LONGEST  EXPECT  ERROR   LEVEL  STAFFED  READY  TALK  WORK  BREAK",
        "service            3     1:15       –    18%     80%        5      0     4     1      0",
        "sales              3     1:15       –      –       –        5      0     4     1      0  closed",
        "",
        "AGENT         NAME            STATE       REASON              SINCE  CONTACTS",
        "1001          王小明          NOT_READY   break                0:30  ",
        "",
        "10:00:30   service level: answered in time / (answered + abandoned − short)",
    ]


def test_colours_change_no_column() -> None:
    plain = draw([QUEUE], [AGENT], NOW, coloured=False)
    coloured = draw([QUEUE], [AGENT], NOW, coloured=True)
    for code in ("1", "2", "31", "32", "33", "0"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain


@pytest.mark.parametrize(
    ("text", "shown"), [("ab", "ab   "), ("abcdef", "abcd "), ("中文字", "中文 "), ("a中文", "a中  "), ("", "     ")]
)
def test_columns(text: str, shown: str) -> None:
    assert fit(text, 5) == shown


def test_all_pages_are_read() -> None:
    pages = {
        "/v1/agents?limit=200": {"items": [{"agent": "1"}], "next": "1"},
        "/v1/agents?limit=200&after=1": {"items": [{"agent": "2"}], "next": None},
    }
    assert [agent["agent"] for agent in agents_of(pages.__getitem__)] == ["1", "2"]


def test_no_key_and_no_api(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "--once", "--key-file", str(tmp_path / "none")]) != 0
    assert "[no-key]" in capsys.readouterr().err
    key = tmp_path / "key"
    key.write_text("ctik_a_b\n", encoding="ascii")
    assert main(["watch", "--once", "--key-file", str(key), "--url", "http://127.0.0.1:1"]) != 0
    assert "[api-unreachable]" in capsys.readouterr().err
