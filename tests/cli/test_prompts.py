"""`cti prompts`: the studio's script, rendering ahead, and taking the studio's files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cti.cli import main
from cti.prompts import prompt_name
from tests.prompts.studio import tone, wav

FLOW = """\
flow: busy
start: a
languages: {default: zh-CN, also: [en-US]}
nodes:
  a: {type: play, say: {zh-CN: "线路正忙。", en-US: "All lines are busy."}}
  b: {type: end}
"""
BUSY_ZH, BUSY_EN = prompt_name("zh-CN", "线路正忙。"), prompt_name("en-US", "All lines are busy.")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "busy.yaml").write_text(FLOW, encoding="utf-8")
    (tmp_path / "flows" / "entry.yaml").write_text("entries: [{flow: busy}]\n")
    file = tmp_path / "cti.yaml"
    file.write_text("data: data\nflows: flows\nswitches: [{kind: embedded, password: a-long-enough-one}]\n")
    return file


def run(config: Path, *arguments: str) -> int:
    return main(["prompts", arguments[0], *arguments[1:], "--config", str(config)])


def test_the_script_as_a_table(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "list", "--csv") == 0
    assert list(csv.reader(capsys.readouterr().out.splitlines())) == [
        ["language", "file", "state", "text"],
        ["zh-CN", f"zh-CN/{BUSY_ZH}.wav", "missing", "线路正忙。"],
        ["en-US", f"en-US/{BUSY_EN}.wav", "missing", "All lines are busy."],
    ]


def test_render_then_record(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "render") == 0
    assert "2 texts: 2 rendered, 0 there already, 0 recorded, 0 failed" in capsys.readouterr().out
    assert run(config, "render") == 0
    told = capsys.readouterr()
    assert "2 texts: 0 rendered, 2 there already" in told.out
    assert "2 of 2" in told.err
    studio = tmp_path / "studio"
    studio.mkdir()
    (studio / f"{BUSY_EN}.wav").write_bytes(wav([tone(rate=44100)] * 2, 44100))
    assert run(config, "import", str(studio), "--check") == 0
    assert "1 recordings are good; nothing was changed" in capsys.readouterr().out
    assert not (tmp_path / "flows" / "prompts").exists()
    assert run(config, "import", str(studio)) == 0
    assert f"imported en-US/{BUSY_EN}.wav 1.0 s  All lines are busy." in capsys.readouterr().out
    assert run(config, "list", "--json") == 0
    assert {row["text"]: row["state"] for row in json.loads(capsys.readouterr().out)} == {
        "线路正忙。": "rendered",
        "All lines are busy.": "recorded",
    }
    assert run(config, "list", "--missing") == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [f"rendered  zh-CN/{BUSY_ZH}.wav  线路正忙。"]
    assert "en-US: 1 texts: 1 recorded, 0 rendered, 0 missing" in told.err


def test_a_file_of_no_text_is_refused_by_name(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "welcome.wav"
    file.write_bytes(wav([tone()]))
    assert run(config, "import", str(file)) == 1
    error = capsys.readouterr().err
    assert f"{file} [unknown-recording] no text of the flows has the name 'welcome'" in error


def test_a_recording_without_its_text_is_told(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = tmp_path / "flows" / "prompts" / "recorded" / "en-US" / "old.wav"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"")
    assert run(config, "list") == 0
    assert f"no text any more: {old}" in capsys.readouterr().err


def test_without_a_configuration_the_flows_of_a_folder(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CTI_CONFIG", raising=False)
    assert main(["prompts", "list", "--flows", "flows", "--language", "zh-CN"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"missing   zh-CN/{BUSY_ZH}.wav  线路正忙。"]
    assert main(["prompts", "render", "--flows", "flows"]) == 2
    assert "unreadable-file" in capsys.readouterr().err
