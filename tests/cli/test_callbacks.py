"""`cti callback` and `cti notice set|end` against the database of an engine that may be running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cti.cli import main
from cti.core.callbacks import Callback
from cti.store import open_store

CONFIG = "data: .\nflows: flows\nswitches: [{name: fs, kind: embedded, password: only-for-tests}]\n"
FLOW = """\
flow: busy
start: told
languages: {default: en-US}
nodes:
  told: {type: notice, next: bye}
  bye: {type: end, outcome: done}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "busy.yaml").write_text(FLOW)
    (flows / "entry.yaml").write_text("entries:\n  - {name: all, medium: voice, flow: busy}\n")
    store = open_store(f"sqlite:///{tmp_path / 'cti.db'}", tmp_path / "keys.json")
    waits = Callback("cb-1", "13800001234", 1.0, None, event="works", queue="service")
    assert store.accounts.callbacks.add(waits, 10) == waits
    store.close(5.0)
    file = tmp_path / "cti.yaml"
    file.write_text(CONFIG)
    return file


def run(capsys: pytest.CaptureFixture[str], config: Path, *words: str) -> tuple[int, str, str]:
    status = main([*words, "--config", str(config)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_list_raise_and_cancel(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, config, "callback", "list")
    assert "138****1234" in out
    assert "event works" in out
    assert run(capsys, config, "callback", "raise", "event:works")[1] == "1 callbacks are due\n"
    assert run(capsys, config, "callback", "raise", "works")[1] == "0 callbacks are due\n"
    [one] = json.loads(run(capsys, config, "callback", "list", "--json")[1])["callbacks"]
    assert one["due_at"] is not None
    assert run(capsys, config, "callback", "cancel", "cb-1")[0] == 0
    status, _, err = run(capsys, config, "callback", "cancel", "cb-1")
    assert (status, "callback-over" in err) == (1, True)
    assert json.loads(run(capsys, config, "callback", "list", "--json")[1])["callbacks"] == []


def test_a_notice_is_set_listed_and_ended(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    setting = ("notice", "set", "water", "--say", "en-US=No water.", "--area", "010")
    assert run(capsys, config, *setting)[0] == 0
    out = run(capsys, config, "notice", "list")[1]
    assert "holds  water  told 0" in out
    assert "       areas: 010" in out
    assert run(capsys, config, "notice", "end", "water")[0] == 0
    assert "water" not in run(capsys, config, "notice", "list")[1]
    status, _, err = run(capsys, config, "notice", "end", "water")
    assert (status, "unknown-notice" in err) == (1, True)


def test_a_notice_in_the_wrong_language_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, config, "notice", "set", "water", "--say", "zh-CN=停水。")
    assert (status, "has no text in en-US" in err) == (1, True)
