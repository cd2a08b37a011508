"""`cti flow history|rollback` against the database of an engine that may be running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cti.cli import main
from cti.core.versions import Activation, FlowVersion, Origin
from cti.store import open_store

OLD, NEW = "a1" * 32, "b2" * 32
CONFIG = "data: .\nswitches: [{name: fs, kind: embedded, password: only-for-tests}]\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    store = open_store(f"sqlite:///{tmp_path / 'cti.db'}", tmp_path / "keys.json")
    for at, version in enumerate((OLD, NEW), 1):
        text = {"hotline.yaml": version}
        kept = FlowVersion("hotline", version, text, "ann", at, Origin.FILE)
        store.flows.write([kept], [Activation("hotline", version, at, "ann", Origin.FILE, version)])
    store.close(5.0)
    file = tmp_path / "cti.yaml"
    file.write_text(CONFIG)
    return file


def cti(capsys: pytest.CaptureFixture[str], config: Path, *words: str) -> tuple[int, str, str]:
    status = main(["flow", *words, "--config", str(config)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_history_marks_the_active_version_and_tells_how_each_fared(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = cti(capsys, config, "history", "hotline")
    lines = out.splitlines()
    assert status == 0
    assert lines[0].startswith("* 1970-01-01 08:00:02  b2b2b2b2b2b2  file")
    assert lines[1].startswith("  1970-01-01 08:00:01  a1a1a1a1a1a1")
    assert f"{OLD[:12]}  0 calls" in out
    _, out, _ = cti(capsys, config, "history", "hotline", "--json")
    assert [(row["version"], row["figures"]["calls"]) for row in json.loads(out)] == [(NEW, 0), (OLD, 0)]


def test_rollback_makes_an_earlier_version_the_active_one(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cti(capsys, config, "rollback", "hotline", "a1a1a1")[0] == 0
    out = cti(capsys, config, "history", "hotline")[1].splitlines()
    assert out[0].startswith("*")
    assert f"{OLD[:12]}  rollback" in out[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rollback", "hotline", "c3"), "has no version c3 (there are b2b2b2b2b2b2, a1a1a1a1a1a1)"),
        (("rollback", "hotline", ""), "several versions"),
        (("rollback", "hotlin", "a1"), "has no version a1"),
        (("history", "hotlin"), "nothing is known of a flow 'hotlin'"),
    ],
)
def test_what_is_not_there_is_told(
    config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    status, _, err = cti(capsys, config, *words)
    assert status != 0
    assert says in err


def test_without_a_database_it_says_what_to_do(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "cti.db").unlink()
    status, _, err = cti(capsys, config, "history", "hotline")
    assert status != 0
    assert "start the engine once" in err


def test_what_is_held_back_is_shown_with_its_findings(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(f"sqlite:///{config.parent / 'cti.db'}", config.parent / "keys.json")
    note = "hotline.yaml:1:1 [bad-yaml] no; not at all\nhotline.yaml:2:1 [bad-option] nor this"
    store.flows.write([], [Activation("hotline", NEW, 3.0, "ann", Origin.HELD_BACK, None, note)])
    store.close(5.0)
    status, out, _ = cti(capsys, config, "history", "hotline")
    lines = out.splitlines()
    assert status == 0
    assert "held_back" in lines[0]
    assert lines[1].startswith("* 1970-01-01 08:00:02  b2b2b2b2b2b2  file")  # what callers meet
    start = lines.index(f"held back, version {NEW[:12]} goes on:")
    assert lines[start + 1 : start + 3] == [f"  {line}" for line in note.splitlines()]


def test_a_file_beside_the_flows_has_a_history_and_cannot_be_rolled_back(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(f"sqlite:///{config.parent / 'cti.db'}", config.parent / "keys.json")
    kept = FlowVersion("entry.yaml", OLD, {"entry.yaml": "entries: []"}, "ann", 1.0, Origin.FILE)
    store.flows.write([kept], [Activation("entry.yaml", OLD, 1.0, "ann", Origin.FILE, OLD)])
    store.close(5.0)
    status, out, _ = cti(capsys, config, "history", "entry.yaml")
    assert (status, len(out.splitlines())) == (0, 1)
    status, _, err = cti(capsys, config, "rollback", "entry.yaml", OLD)
    assert status != 0
    assert "entry.yaml is no flow" in err
