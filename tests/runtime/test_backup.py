"""A backup beside an engine at work, and an engine that starts on what was made of it."""

from __future__ import annotations

import fcntl
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cti.app import Application, open_accounts, open_records
from cti.app.backup import create_backup, read_manifest, restore_backup, verify
from cti.boss import DEMO_INTERFACES
from cti.cli import main
from cti.config import load_settings
from cti.core.errors import ConfigError, CtiError
from tests.runtime.platform import DEADLINE_S, Platform, uuid_of


def backup_of(platform: Platform, target: Path, **how: Any) -> Path:
    return create_backup(platform.settings(), platform.folder / "cti.yaml", target, **how)[0]


def test_a_backup_under_load_is_an_engine_with_the_same_records(platform: Platform, tmp_path: Path) -> None:
    platform.phone("1001", answer_after=None)
    ended = [platform.call("balance", number=f"1380000000{number}") for number in range(3)]
    before = [platform.over(caller) for caller in ended]
    platform.application.accounts.accounts.first_admin()
    up = [platform.call("queue", number=f"1390000000{number}") for number in range(2)]
    for number in range(10):  # it writes all the while
        up.append(platform.call("balance", number=f"137000000{number:02}"))
    (platform.folder / "data" / "recordings" / "open" / "plain.wav").write_bytes(b"in clear")
    sealed = platform.folder / "data" / "recordings" / "sealed" / "2026-11" / "x"
    sealed.parent.mkdir(parents=True)
    sealed.write_bytes(b"sealed")
    waiting = platform.folder / "data" / "cti.db.spill.jsonl.1"  # of another process
    waiting.write_bytes(b"a line that waits\n")
    file = backup_of(platform, tmp_path, recordings=True)
    assert file.stat().st_mode & 0o777 == 0o600
    manifest = verify(file)
    assert not [name for name in manifest.files if "plain.wav" in name or name.endswith(("-wal", ".lock"))]
    assert "data/cti.db.spill.jsonl.1" in manifest.files
    waiting.unlink()
    for caller in up:
        caller.hangup()
        platform.over(caller)
    platform.kill_engine()

    done = restore_backup(file, tmp_path / "restored")
    settings = load_settings(done.config)
    assert settings.data == tmp_path / "restored" / "data"
    assert (settings.data / "recordings" / "sealed" / "2026-11" / "x").read_bytes() == b"sealed"
    with open_records(settings) as store:
        assert [store.find_call(uuid_of(caller)) for caller in ended] == before
    with open_accounts(settings) as accounts:
        proof = accounts.store.audit.prove()
    assert (proof.good, proof.lines > 0) == (True, True)
    platform.application = Application(settings)
    platform.application.start()
    platform.application.wait_until_up(DEADLINE_S)
    assert platform.application.library.plans


@pytest.fixture
def backup(platform: Platform, tmp_path: Path) -> Path:
    return backup_of(platform, tmp_path / "one.tar")


def refusal(target: Path, backup: Path, **how: Any) -> str:
    with pytest.raises(CtiError) as refused:
        restore_backup(backup, target, **how)
    return refused.value.code


def test_what_would_be_lost_is_not_written_over(backup: Path, platform: Platform, tmp_path: Path) -> None:
    target = tmp_path / "target"
    (target / "data").mkdir(parents=True)
    (target / "data" / "cti.db-wal").write_bytes(b"of another database")
    assert refusal(target, backup) == "target-not-empty"
    lock = target / "data" / "engine-0.lock"
    with lock.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert refusal(target, backup, force=True) == "engine-running"
    assert (target / "data" / "cti.db-wal").exists()
    restore_backup(backup, target, force=True)
    assert not (target / "data" / "cti.db-wal").exists()
    with pytest.raises(ConfigError) as there:
        backup_of(platform, backup)
    assert there.value.code == "backup-exists"
    with pytest.raises(ConfigError) as unwritable:
        backup_of(platform, tmp_path / "nowhere" / "x.tar")
    assert unwritable.value.code == "backup-unwritable"


def test_a_damaged_backup_is_told_before_anything_is_written(backup: Path, tmp_path: Path) -> None:
    whole, target = backup.read_bytes(), tmp_path / "target"
    place = whole.index(b"flow: balance")
    backup.write_bytes(whole[:place] + b"FLOW" + whole[place + 4 :])
    assert refusal(target, backup) == "backup-damaged"
    for length in (len(whole) // 2, 512, 0):
        backup.write_bytes(whole[:length])
        assert refusal(target, backup) == "backup-damaged"
    assert refusal(target, tmp_path / "missing.tar") == "backup-unreadable"
    assert not target.exists()
    backup.write_bytes(whole)
    outside = tmp_path / "outside.tar"
    with tarfile.open(backup) as source, tarfile.open(outside, "w") as copy:
        for entry in source:
            content = source.extractfile(entry)
            entry.name = entry.name.replace("flows/balance.yaml", "../escaped")
            copy.addfile(entry, content)
    assert refusal(target, outside) == "backup-damaged"
    assert not (tmp_path / "escaped").exists()


def test_the_commands(platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    platform.settings()
    config = platform.folder / "cti.yaml"
    shutil.copy(DEMO_INTERFACES, platform.folder / "data" / "interfaces.yaml")
    config.write_text(config.read_text() + "boss: {file: data/interfaces.yaml}\n")
    assert main(["backup", "create", str(tmp_path / "b.tar"), "--config", str(config)]) == 0
    assert main(["backup", "verify", str(tmp_path / "b.tar"), "--json"]) == 0
    told = capsys.readouterr().out
    assert json.loads(told[told.index("{") :])["files"].keys() == read_manifest(tmp_path / "b.tar").files.keys()
    assert main(["backup", "restore", str(tmp_path / "b.tar"), "--target", str(tmp_path / "r")]) == 0
    assert "every one as it was written" in capsys.readouterr().out
    restored = load_settings(tmp_path / "r" / "cti.yaml")
    assert restored.boss.file == tmp_path / "r" / "data" / "interfaces.yaml"
    assert restored.boss.file.exists()
    assert main(["backup", "restore", str(tmp_path / "b.tar"), "--target", str(tmp_path / "r")]) == 2
    assert "target-not-empty" in capsys.readouterr().err


def test_a_postgresql_backup_says_what_it_lacks(
    tmp_path: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = platform.settings()
    away = settings.model_copy(
        update={"store": settings.store.model_copy(update={"url": "postgresql+psycopg://cti@127.0.0.1:1/cti"})}
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError) as missing:
        create_backup(away, platform.folder / "cti.yaml", tmp_path / "pg.tar")
    assert missing.value.code == "pg-dump-missing"
    assert not list(tmp_path.glob("*.part"))
