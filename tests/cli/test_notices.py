"""`cti notice list` against the database of an engine that may be running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cti.cli import main
from cti.core.records import NoticeCount
from cti.core.versions import Activation, FlowVersion, Origin
from cti.store import open_store

TEXT = """\
notices:
  - {id: works, say: {en-US: "Works tonight."}, areas: ["010"], ends: 2999-01-01T00:00+08:00}
  - {id: soon, say: {en-US: "Soon."}, starts: 2999-01-01T00:00+08:00}
  - {id: past, say: {en-US: "It was."}, ends: 2001-01-01T00:00+08:00}
"""
CONFIG = "data: .\nflows: flows\nswitches: [{name: fs, kind: embedded, password: only-for-tests}]\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "notices.yaml").write_text(TEXT)
    store = open_store(f"sqlite:///{tmp_path / 'cti.db'}", tmp_path / "keys.json")
    kept = FlowVersion("notices.yaml", "v1", {"notices.yaml": TEXT}, "ann", 1.0, Origin.FILE)
    store.flows.write([kept], [Activation("notices.yaml", "v1", 1.0, "ann", Origin.FILE, "v1")])
    for count in (
        NoticeCount("c1", "works", "2026-03-02", "r", 7, 4, 2),
        NoticeCount("c2", "works", "2026-03-03", "r", 1, 1, 0),
        NoticeCount("c3", "gone", "2026-03-02", "r", 3, 3, 0),
    ):
        store.record(count)
    store.close(5.0)
    file = tmp_path / "cti.yaml"
    file.write_text(CONFIG)
    return file


def notices(capsys: pytest.CaptureFixture[str], config: Path, *words: str) -> tuple[int, str, str]:
    status = main(["notice", "list", *words, "--config", str(config)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_states_and_counts(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = notices(capsys, config)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "holds  works  told 8, to the end 5, hung up 2"
    assert "       areas: 010" in lines
    assert "       en-US: Works tonight." in lines
    assert "later  soon  told 0, to the end 0, hung up 0" in lines
    assert "over   past  told 0, to the end 0, hung up 0" in lines
    assert lines[-1] == "gone   gone  told 3, to the end 3, hung up 0"


def test_json_and_since(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = notices(capsys, config, "--json", "--since", "2026-03-03")
    told = json.loads(out)
    assert status == 0
    assert [(row["id"], row["state"], row["heard"]) for row in told["notices"]] == [
        ("works", "holds", 1),
        ("soon", "later", 0),
        ("past", "over", 0),
    ]


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        ("notices: [", 1, "[bad-yaml]"),
        ("notices: []", 0, "no engine has taken it"),
    ],
)
def test_what_is_listed_is_in_force_whatever_the_file_says(
    config: Path, capsys: pytest.CaptureFixture[str], text: str, status: int, says: str
) -> None:
    (config.parent / "flows" / "notices.yaml").write_text(text)
    found, out, err = notices(capsys, config)
    assert found == status
    assert "works" in out
    assert says in err


def test_a_day_that_is_none(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        notices(capsys, config, "--since", "yesterday")
    assert "a day such as 2026-03-02" in capsys.readouterr().err


def test_without_a_database_it_says_what_to_do(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "cti.db").unlink()
    status, _, err = notices(capsys, config)
    assert status != 0
    assert "start the engine once" in err
