"""Units for systemd: what `cti ops units` writes is read by systemd without a complaint, and takes rights away."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cti.cli import main
from cti.switch.conf.render import render
from cti.switch.conf.settings import SwitchSettings

ROOT = Path(__file__).resolve().parents[2]
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
CONFIG = (
    "data: {folder}/data\nflows: {folder}/flows\nswitches: [{{password_file: password}}]\nworker: {{drain_s: 30}}\n"
)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The folder that they are in."""
    config = tmp_path / "cti.yaml"
    config.write_text(CONFIG.format(folder=tmp_path))
    render(SwitchSettings(), tmp_path / "switch")
    told = ["--config", str(config), "--switch", str(tmp_path / "switch"), "--backups", str(tmp_path / "backups")]
    assert main(["ops", "units", "--target", str(tmp_path / "units"), "--user", "root", *told]) == 0
    return tmp_path / "units"


def test_engine_switch_and_backup(units: Path, tmp_path: Path) -> None:
    names = {"cti-engine.service", "cti-switch.service", "cti-backup.service", "cti-backup.timer"}
    assert {file.name for file in units.iterdir()} == names
    engine, switch = ((units / f"cti-{one}.service").read_text() for one in ("engine", "switch"))
    assert f" -m cti serve --config {tmp_path}/cti.yaml\n" in engine
    assert "TimeoutStopSec=50\n" in engine
    assert "Restart=always\n" in engine
    assert "CPUSchedulingPolicy=rr\nCPUSchedulingPriority=1\n" in engine  # as much as the calls of the switch beside it
    for unit in (engine, switch):  # as the same user, without a capability: else the engine does not see its threads
        assert "RestrictRealtime=no\n" in unit
        assert "CapabilityBoundingSet=\nAmbientCapabilities=\n" in unit
        assert "User=root\n" in unit
    assert "LimitRTPRIO=99\n" in switch
    hidden = re.search(r"^InaccessiblePaths=(.*)$", switch, re.MULTILINE)
    assert hidden is not None
    assert {f"-{tmp_path}/data/{name}" for name in ("keys.json", "token-key.pem", "cti.db")} <= set(hidden[1].split())


def test_of_two_engines_whoever_comes_second_waits(tmp_path: Path) -> None:
    config = tmp_path / "cti.yaml"
    config.write_text(CONFIG.format(folder=tmp_path))
    told = ["ops", "units", "--standby", "--target", str(tmp_path / "units"), "--config", str(config)]
    assert main(told) == 0
    first, second = ((tmp_path / "units" / f"cti-{one}.service").read_text() for one in ("engine", "standby"))
    for unit in (first, second):  # the one that systemd starts again finds the other at work
        assert f" -m cti serve --standby --config {config}\n" in unit
        assert "Restart=always\n" in unit
        assert "CPUScheduling" not in unit  # the switch is on another machine
        assert "RestrictRealtime=yes\n" in unit
    assert (
        first.replace("cti-engine\n", "cti-standby\n", 1).replace("=CTI engine\n", "=CTI engine, the other one\n")
        == second
    )


@needs_systemd
def test_systemd_reads_them(units: Path) -> None:
    switch = units / "cti-switch.service"
    switch.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", switch.read_text()))
    files = [str(file) for file in sorted(units.iterdir())]
    found = subprocess.run([ANALYZE or "", "verify", "--man=no", *files], capture_output=True, text=True, timeout=60)
    ours = [line for line in found.stderr.splitlines() if "cti-" in line]
    assert (found.returncode, ours) == (0, [])


@needs_systemd
@pytest.mark.parametrize(("name", "most"), [("engine", 30), ("switch", 40), ("backup", 30)])
def test_they_are_not_exposed(units: Path, name: str, most: int) -> None:
    """By systemd's own measure, in tenths: 10 is `no protection`, below 4 `OK`."""
    text = (units / f"cti-{name}.service").read_text().replace("User=root", "User=nobody")
    (units / f"cti-{name}.service").write_text(text)
    command = [ANALYZE or "", "security", "--offline=true", f"--threshold={most}", str(units / f"cti-{name}.service")]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr


def test_a_path_that_systemd_would_misread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "two words"
    folder.mkdir()
    (folder / "cti.yaml").write_text(CONFIG.format(folder=tmp_path))
    assert main(["ops", "units", "--config", str(folder / "cti.yaml")]) == 2
    assert "[bad-path]" in capsys.readouterr().err


def test_the_files_of_the_install_page_are_enough_for_the_shipped_flows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    files = re.findall(r"cat > /etc/cti/(\S+) <<'END'\n(.*?)^END$", page, re.DOTALL | re.MULTILINE)
    assert [name for name, _ in files] == ["switch.yaml", "cti.yaml"]
    for name, text in files:
        (tmp_path / name).write_text(text.replace("/var/lib/cti", str(tmp_path)), encoding="utf-8")
    shutil.copytree(ROOT / "ivr_flows", tmp_path / "flows")
    settings, switch = str(tmp_path / "switch.yaml"), str(tmp_path / "switch")
    assert main(["switch", "config", "--settings", settings, "--target", switch]) == 0
    (tmp_path / "data").mkdir()
    main(["doctor", "--config", str(tmp_path / "cti.yaml")])  # the switch does not run
    assert re.search(rf"^ok    {tmp_path}/flows: \d+ flows$", capsys.readouterr().out, re.MULTILINE)
