"""`cti flow schema` and `cti flow reference`: what editors and authors are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cti.cli import main
from cti.cli.flow_schema import KINDS
from cti.flow.schema import SCHEMAS


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
def test_the_schema_is_printed(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", "schema", "--kind", kind]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMAS[kind]()


def test_the_kinds_offered_are_those_there_are() -> None:
    assert set(KINDS) == set(SCHEMAS)


def test_the_schema_is_written_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "flow.schema.json"
    assert main(["flow", "schema", "--out", str(file)]) == 0
    assert json.loads(file.read_text(encoding="utf-8")) == SCHEMAS["flow"]()
    assert list(tmp_path.iterdir()) == [file]
    assert capsys.readouterr().out == ""


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "no" / "such.json"
    assert main(["flow", "schema", "--out", str(file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{file}: [unwritable-file] cannot write this file")


def test_one_type_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", "reference", "menu"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("#### `menu`")
    assert "`play`\n" not in shown


def test_the_whole_reference_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", "reference"]) == 0
    shown = capsys.readouterr().out
    assert "#### `menu`" in shown
    assert "#### `play`" in shown


def test_a_type_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", "reference", "menue"]) == 2
    assert "[unknown-type] there is no node type 'menue' (did you mean 'menu'?)" in capsys.readouterr().err


def test_a_folder_with_one_flow_alone_is_told_all_that_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A newcomer's first folder: what the flow lacks is told together with what the folder lacks."""
    (tmp_path / "own.yaml").write_text("flow: own\nstart: a\nnodes: {a: {type: play, sey: hello}, b: {type: end}}\n")
    assert main(["flow", "check", "--flows", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    for code in ("[unknown-option] 'sey'", "entry.yaml [unreadable-file]", "[no-reject-flow]"):
        assert code in told
