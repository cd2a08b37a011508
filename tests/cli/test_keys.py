"""`cti keys`: a new key in the ring, and what was sealed before stays readable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cti.cli import main
from cti.store import open_store
from cti.store.accounts import open_accounts
from cti.store.keyring import create_ring, load_ring


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cti.yaml").write_text(
        "data: .\nswitches: [{name: fs, host: 127.0.0.1, password: only-for-tests}]\nstore: {keys: ring.json}\n"
    )
    monkeypatch.setenv("CTI_CONFIG", str(tmp_path / "cti.yaml"))
    return tmp_path / "ring.json"


def audited(ring: Path) -> list[tuple[str, str, dict[str, object], dict[str, object]]]:
    with open_accounts(f"sqlite:///{ring.parent / 'cti.db'}", ring) as store:
        lines = store.audit.lines(limit=50)
    return [(line.action, line.target, dict(line.before), dict(line.after)) for line in lines]


@pytest.fixture
def database(ring: Path) -> None:
    """Records of a platform that has run."""
    open_store(f"sqlite:///{ring.parent / 'cti.db'}", ring).close(5.0)


@pytest.mark.usefixtures("database")
def test_what_an_old_key_sealed_is_read_after_a_rotation(ring: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = load_ring(ring)
    assert before is not None
    old = before.sealer().seal_bytes(b"88.50", "cache")
    assert main(["keys", "rotate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"active": "k2", "keys": ["k1", "k2"]}
    found = load_ring(ring)
    assert found is not None
    assert found.sealer().open_bytes(old, "cache") == b"88.50"
    assert found.sealer().seal_bytes(b"1", "cache").startswith(b"k2.")
    assert ("keys.rotate", "keys:ring.json", {"active": "k1"}, {"active": "k2"}) in audited(ring)


@pytest.mark.usefixtures("database")
def test_a_ring_of_the_interface_server_is_made_and_rotated(ring: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = ring.parent / "office.json"
    platform = ring.read_bytes()
    assert main(["keys", "new", str(file)]) == 0
    assert main(["keys", "rotate", "--file", str(file)]) == 0
    assert main(["keys", "show", "--file", str(file)]) == 0
    assert capsys.readouterr().out == "k1  active\nk1\nk2  active\nk1\nk2  active\n"
    assert (file.stat().st_mode & 0o777, ring.read_bytes()) == (0o600, platform)
    assert ("keys.rotate", "keys:office.json", {"active": "k1"}, {"active": "k2"}) in audited(ring)
    assert main(["keys", "new", str(file)]) == 2
    assert "there already" in capsys.readouterr().err


def test_without_an_audit_nothing_is_rotated(ring: Path) -> None:
    create_ring(ring)
    before = ring.read_bytes()
    assert main(["keys", "rotate"]) != 0
    assert ring.read_bytes() == before


def test_show_tells_ids_and_no_key(ring: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create_ring(ring)
    assert main(["keys", "show"]) == 0
    assert capsys.readouterr().out == "k1  active\n"


@pytest.mark.parametrize("verb", ["show", "rotate"])
def test_no_ring_and_one_that_others_may_read_are_refused(
    ring: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert main(["keys", verb]) == 2
    assert "there is no key ring" in capsys.readouterr().err
    create_ring(ring)
    before = ring.read_bytes()
    ring.chmod(0o644)
    assert main(["keys", verb]) == 2
    assert "can be read by others (mode 0644)" in capsys.readouterr().err
    assert ring.read_bytes() == before
