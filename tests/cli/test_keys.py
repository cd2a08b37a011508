"""`cti keys`: a new key in the ring, and what was sealed before stays readable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cti.cli import main
from cti.store.keyring import create_ring, load_ring


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cti.yaml").write_text(
        "data: .\nswitches: [{name: fs, host: 127.0.0.1, password: only-for-tests}]\nstore: {keys: ring.json}\n"
    )
    monkeypatch.setenv("CTI_CONFIG", str(tmp_path / "cti.yaml"))
    return tmp_path / "ring.json"


def test_what_an_old_key_sealed_is_read_after_a_rotation(ring: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = create_ring(ring).sealer().seal_bytes(b"88.50", "cache")
    assert main(["keys", "rotate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"active": "k2", "keys": ["k1", "k2"]}
    found = load_ring(ring)
    assert found is not None
    assert found.sealer().open_bytes(old, "cache") == b"88.50"
    assert found.sealer().seal_bytes(b"1", "cache").startswith(b"k2.")


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
