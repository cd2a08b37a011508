"""The command line as people and scripts use it: what it prints, and its exit status."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from cti.cli import main

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """\
data: data
flows: {flows}
switches: [{{port: {port}, kind: embedded, password: {password}}}]
api: {{port: {api_port}}}
worker: {{drain_s: 0}}
queues: {{service: {{agents: [1001]}}}}
"""
STARTED_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def config(folder: Path, **changes: Any) -> Path:
    values = {"flows": ROOT / "ivr_flows", "port": 1, "password": "a-long-enough-one", "api_port": 0, **changes}
    file = folder / "cti.yaml"
    file.write_text(CONFIG.format(**values))
    return file


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_a_call_in_the_terminal_speaks_the_balance(at_root: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", "call", "hotline", "--keys", "1,2s,h", "--json"]) == 0
    told = lines_of(capsys.readouterr().out)
    assert told[0]["event"] == "answered"
    heard = [line["text"] for line in told if line["event"] == "heard"]
    assert any("余额" in text for text in heard)
    assert told[-1]["event"] == "hung_up"
    assert [line["keys"] for line in told if line["event"] == "pressed"] == ["1"]
    assert [line["at"] for line in told] == sorted(line["at"] for line in told)


def test_the_shipped_flows_are_right(at_root: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", "check", "--format", "json"]) == 0
    assert [issue for issue in json.loads(capsys.readouterr().out) if issue["severity"] == "error"] == []


def test_findings_are_told_with_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "entry.yaml").write_text("entries: []\n")
    (tmp_path / "busy.yaml").write_text("flow: busy\nstart: bye\nnodes:\n  bye: {type: end, outcom: x}\n")
    assert main(["flow", "check", "--flows", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert f"{tmp_path}/busy.yaml:4:20 [unknown-option]" in out
    assert "did you mean 'outcome'?" in out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["call", "list", "--config", "{folder}/none.yaml"], 2, "[unreadable-file]"),
        (["serve", "--config", "{folder}/none.yaml"], 2, "[unreadable-file]"),
        (["call", "list", "--config", "{folder}/cti.yaml"], 2, "[bad-config]"),
        (["call", "show", "x", "--config", "{folder}/cti.yaml"], 2, "[bad-config]"),
    ],
)
def test_mistakes_have_words_and_a_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, said: str
) -> None:
    config(tmp_path)
    assert main([argument.format(folder=tmp_path) for argument in arguments]) == status
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["flow"], ["flow", "call"], ["flow", "call", "x", "--keys", "q"]]
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: cti" in capsys.readouterr().err


def test_the_public_password_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--config", str(config(tmp_path, password="ClueCon"))]) == 2
    assert "[default-password]" in capsys.readouterr().err


def test_a_folder_that_the_switch_cannot_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blank = tmp_path / "with blank"
    blank.mkdir()
    assert main(["serve", "--config", str(config(blank))]) == 2
    assert "[bad-folder]" in capsys.readouterr().err


def test_an_address_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        file = config(tmp_path, api_port=taken.getsockname()[1])
        assert main(["serve", "--config", str(file)]) == 2
    assert "[address-in-use]" in capsys.readouterr().err


class Process:
    """`cti` as a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cti", *arguments],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ},
        )  # fmt: skip

    def end(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=STARTED_S)
        return self.process.returncode, output


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(port: int, process: Process) -> None:
    until = time.monotonic() + STARTED_S
    while not listening(port):
        assert process.process.poll() is None, process.process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.05)  # there is nothing to be told by: another process opens its port


def wait_for_switches(api_port: int) -> None:
    until = time.monotonic() + STARTED_S
    while True:
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{api_port}/healthz", timeout=5) as answer:
            if set(json.load(answer)["switches"].values()) == {"up"}:
                return
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    port, password = free_port(), tmp_path / "secret"
    switch = Process("switch", "run", "--port", str(port), "--password-file", str(password))
    wait_for(port, switch)
    yield port, password
    status, output = switch.end()
    assert status == 0, output


def test_serve_ends_in_order_and_its_records_can_be_read(
    tmp_path: Path, embedded: tuple[int, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    port, secret = embedded
    assert secret.stat().st_mode & 0o077 == 0
    api_port = free_port()
    file = config(tmp_path, port=port, password=secret.read_text().strip(), api_port=api_port)
    engine = Process("serve", "--config", str(file))
    wait_for(api_port, engine)
    wait_for_switches(api_port)
    status, output = engine.end()
    assert (status, "switch fs1 is up" in output) == (0, True)
    assert main(["call", "list", "--json", "--config", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["call", "show", "nobody", "--config", str(file)]) == 1
    assert "[not-found]" in capsys.readouterr().err
