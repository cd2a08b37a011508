"""scripts/checks.py: parts at the same time; one that fails is shown and fails the run; what is left is stopped."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[1] / "scripts" / "checks.py"


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("checks", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "checks", module)  # dataclasses look their module up
    monkeypatch.delenv("CTI_TEST_PROMPTS", raising=False)
    spec.loader.exec_module(module)
    return module


def part(checks: ModuleType, name: str, program: str) -> object:
    return checks.Part(name, (sys.executable, "-c", program))


def test_each_is_shown_and_one_that_fails_fails_all(
    checks: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = part(checks, "one", "print('fine')"), part(checks, "two", "print('broken'); raise SystemExit(3)")
    assert checks.run([good, bad], tmp_path) is False
    told = capsys.readouterr().out
    assert "== one: passed in " in told
    assert "s\nfine\n" in told
    assert "== two: FAILED (3) in " in told
    assert "s\nbroken\n" in told
    assert checks.run([part(checks, "three", "pass")], tmp_path) is True


def test_they_run_at_the_same_time(checks: ModuleType, tmp_path: Path) -> None:
    """Either waits for the other one's word: one after the other they would wait for ever."""
    talk = "open({0!r}, 'w').write('x'); open({1!r}).read()"
    pipes = [str(tmp_path / name) for name in "ab"]
    for pipe in pipes:
        os.mkfifo(pipe)
    first = part(checks, "first", talk.format(*pipes))
    second = part(checks, "second", f"open({pipes[0]!r}).read(); open({pipes[1]!r}, 'w').write('x')")
    assert checks.run([first, second], tmp_path) is True


@pytest.mark.parametrize(("style", "types", "ran"), [(1, 0, False), (0, 1, True), (0, 0, True)])
def test_style_ends_the_run_and_nothing_else_does(
    checks: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    style: int,
    types: int,
    ran: bool,
) -> None:
    for group, status in (("STYLE", style), ("TOGETHER", types), ("ALONE", 0)):
        monkeypatch.setattr(checks, group, (part(checks, group.lower(), f"raise SystemExit({status})"),))
    monkeypatch.setattr(checks.signal, "signal", lambda *_: None)
    monkeypatch.setenv("CTI_TEST_PROMPTS", "")
    assert checks.main() == int(bool(style or types))
    last = capsys.readouterr().out.splitlines()
    assert last[-1] == ("== FAILED" if style or types else "== all passed")
    assert last[-2].split()[:2] == ["alone", "passed," if ran else "not"]


@pytest.mark.parametrize(("second", "passes"), [("pass", True), ("raise AssertionError", False)])
def test_what_failed_beside_others_is_run_again_alone(
    checks: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], second: str, passes: bool
) -> None:
    """The first time it fails, the second time it does as told; what had passed is not run again."""
    (tmp_path / "test_it.py").write_text(
        "from pathlib import Path\n"
        "def once(name):\n"
        "    seen = Path(__file__).with_name(name)\n"
        "    first = not seen.exists()\n"
        "    seen.touch()\n"
        "    return first\n"
        "def test_good(): assert once('good')\n"
        f"def test_late():\n    assert not once('late')\n    {second}\n"
    )
    tests = checks.Part("tests", (sys.executable, "-m", "pytest", "-q", str(tmp_path)), spread=("-v",))
    assert checks.run([tests], tmp_path) is False
    late = [test.rpartition("/")[2] for test in checks.run_again([tests], tmp_path)]
    assert late == (["test_it.py::test_late"] if passes else [])
    assert tests.status == int(not passes)
    told = capsys.readouterr().out.partition("== tests, again: ")[2]
    assert f"\n1 {'passed' if passes else 'failed'} in " in told


def test_nothing_is_run_again_where_much_failed_or_nothing_ran(checks: ModuleType, tmp_path: Path) -> None:
    many = "\n".join(f"def test_{n}(): assert False" for n in range(checks.AGAIN_AT_MOST + 1))
    for name, text in (("much", many), ("broken", "import")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"test_{name}.py").write_text(text)
        tests = checks.Part("tests", (sys.executable, "-m", "pytest", "-q", str(folder)), spread=("-v",))
        assert checks.run([tests], folder) is False
        assert checks.run_again([tests], folder) == []
        assert tests.status != 0


def test_what_still_runs_is_stopped_with_its_children(checks: ModuleType, tmp_path: Path) -> None:
    """The child holds the pipe open: its end is read only when it is gone, too."""
    pipe = tmp_path / "held"
    os.mkfifo(pipe)
    child = f"held = open({str(pipe)!r}, 'w'); held.write('here\\n'); held.flush(); import time; time.sleep(600)"
    parent = part(
        checks, "parent", f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]).wait()"
    )
    parent.start(tmp_path)  # type: ignore[attr-defined]
    with pipe.open() as held:
        assert held.readline() == "here\n"
        parent.stop()  # type: ignore[attr-defined]
        assert held.read() == ""
