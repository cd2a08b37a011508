"""`cti recording` beside an engine: list, export, hold, delete, verify."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.cli import main
from cti.core.records import CallStarted
from tests.api.recordsite import NOW, Studio, sound
from tests.runtime.accountkit import Office

SOUND = sound(1.0)


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    (tmp_path / "cti.yaml").write_text(
        "data: .\nswitches: [{name: fs, host: 127.0.0.1, password: only-for-tests, domain: x.local}]\n"
    )
    monkeypatch.setenv("CTI_CONFIG", str(tmp_path / "cti.yaml"))
    monkeypatch.chdir(tmp_path)
    office = Office(tmp_path)
    office.store.record(CallStarted("c-1", "fs", "10086", NOW))
    yield Studio(office)
    office.close()


def test_a_recording_is_listed_shown_and_exported_once(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    id_ = studio.recorded("c-1", SOUND, queue="service", agents="1001:north").recording_id
    assert main(["recording", "list", "--queue", "service", "--agent", "1001"]) == 0
    assert id_ in capsys.readouterr().out
    assert main(["recording", "list", "--agent", "1002", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"recordings": []}
    assert main(["recording", "show", id_]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "sealed"
    export = ["recording", "export", id_, "out.wav", "--reason", "case 3"]
    assert main(export) == 0
    assert Path("out.wav").read_bytes() == SOUND
    assert Path("out.wav").stat().st_mode & 0o777 == 0o600
    assert main(export) == 2  # what is there stays
    lines = studio.office.store.accounts.audit.lines(limit=9)
    assert [(line.action, line.reason) for line in lines if line.target.startswith("recording:")][-1] == (
        "recording.export", "case 3",
    )  # fmt: skip


def test_what_is_held_cannot_be_deleted(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    id_ = studio.recorded("c-1", SOUND).recording_id
    assert main(["recording", "hold", id_, "--reason", "case 1"]) == 0
    assert main(["recording", "delete", id_, "--reason", "asked for"]) == 1
    assert "[recording-held]" in capsys.readouterr().err
    assert main(["recording", "hold", id_, "--release", "--reason", "closed"]) == 0
    assert main(["recording", "delete", id_, "--reason", "asked for"]) == 0
    assert main(["recording", "export", id_, "out.wav", "--reason", "x"]) == 1
    assert "[recording-deleted]" in capsys.readouterr().err
    assert not Path("out.wav").exists()


def test_verify_finds_each_that_is_not_whole(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    whole, hurt, gone = (studio.recorded("c-1", SOUND) for _ in range(3))
    assert main(["recording", "verify"]) == 0
    data = (studio.shelf.data / hurt.sealed_path).read_bytes()
    (studio.shelf.data / hurt.sealed_path).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (studio.shelf.data / gone.sealed_path).unlink()
    capsys.readouterr()
    assert main(["recording", "verify"]) == 1
    out = capsys.readouterr().out
    assert f"{hurt.recording_id}: [recording-damaged]" in out
    assert f"{gone.recording_id}: [recording-missing]" in out
    assert whole.recording_id not in out
    assert out.endswith("1 recordings are whole, 2 are not\n")
