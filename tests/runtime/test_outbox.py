"""The outbox: whole files in order, and each message once, wherever whoever lays it, or takes it, is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from cti.channels.outbox import KEPT_S, KEYS, OutboxChannel

TO = "13800000000"
#: Lays one message into the folder, and is killed before, or after, one of the steps.
LAYS = """
import os, signal, sys
from cti.channels.outbox import OutboxChannel as Channel
folder, when, step = sys.argv[1:4]
real = getattr(Channel, step)
def killed(*told):
    if when == "after":
        real(*told)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(Channel, step, killed)
from pathlib import Path
Channel(Path(folder)).send("13800000000", "Hello", "c1/f.send.1")
"""
#: A gateway: sends what lies in the folder, keeps the keys, and is killed at a step of it, or ends with its work.
TAKES = """
import json, os, signal, sys
from pathlib import Path
folder, sent, step = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
def at(name):
    if name == step:
        os.kill(os.getpid(), signal.SIGKILL)
for file in sorted(folder.glob("*.json")):
    told = json.loads(file.read_text())
    at("read")
    if not sent.exists() or told["key"] not in sent.read_text().split():
        with sent.open("a") as keys:
            print(told["key"], file=keys, flush=True)
            os.fsync(keys.fileno())
    at("sent")
    file.unlink()
    at("deleted")
"""
STEPS = [(when, step) for step in ("_write", "_note", "_publish") for when in ("before", "after")]


def run(program: str, *arguments: object) -> int:
    return subprocess.run([sys.executable, "-c", program, *map(str, arguments)], timeout=120).returncode


def laid(folder: Path) -> list[str]:
    return [json.loads(file.read_text())["key"] for file in sorted(folder.glob("*.json"))]


def test_messages_lie_there_whole_and_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    channel = OutboxChannel(folder, most=2)
    assert [channel.send(TO, text, text) for text in ("一", "二", "三")] == [True, True, False]
    files = sorted(folder.glob("*"))
    told = [json.loads(file.read_text()) for file in files if file.is_file()]
    assert told == [{"key": text, "recipient": TO, "text": text} for text in ("一", "二")]
    assert {oct(os.stat(file).st_mode & 0o777) for file in folder.glob("*.json")} == {"0o600"}
    for file in folder.glob("*.json"):
        file.unlink()
    assert [channel.send(TO, text, text) for text in ("三", "四")] == [True, True]
    assert all(one < other for one, other in pairwise(sorted(folder.glob("*.json"))))


@pytest.mark.parametrize("taken", [False, True], ids=["lies there", "was taken"])
@pytest.mark.parametrize(("when", "step"), STEPS)
def test_a_message_is_laid_once_wherever_the_engine_is_killed(
    tmp_path: Path, when: str, step: str, taken: bool
) -> None:
    folder, sent = tmp_path / "out", tmp_path / "sent"
    assert run(LAYS, folder, when, step) == -signal.SIGKILL
    if taken:
        assert run(TAKES, folder, sent, "") == 0
    again = OutboxChannel(folder)
    assert again.send(TO, "Hello", "c1/f.send.1")
    assert again.send(TO, "Hello", "c1/f.send.1")
    lie = laid(folder)
    assert run(TAKES, folder, sent, "") == 0
    assert (len(lie), laid(folder)) == (0 if taken and (when, step) == STEPS[-1] else 1, [])
    assert sent.read_text().split() == ["c1/f.send.1"]
    assert list(folder.glob(".*.ready")) == []


@pytest.mark.parametrize("step", ["read", "sent", "deleted"])
def test_a_gateway_that_is_killed_knows_the_message_by_its_key(tmp_path: Path, step: str) -> None:
    folder, sent = tmp_path / "out", tmp_path / "sent"
    channel = OutboxChannel(folder)
    assert channel.send(TO, "Hello", "k1")
    assert run(TAKES, folder, sent, step) == -signal.SIGKILL
    assert channel.send(TO, "Hello", "k1")
    assert run(TAKES, folder, sent, "") == 0
    assert (sent.read_text().split(), laid(folder)) == (["k1"], [])


def test_what_cannot_be_laid_is_not_taken_for_sent(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.write_text("a file", encoding="utf-8")
    channel = OutboxChannel(folder)
    assert not channel.send(TO, "Hello", "k1")
    folder.unlink()
    assert channel.send(TO, "Hello", "k1")
    assert laid(folder) == ["k1"]


def test_keys_are_forgotten_when_they_have_been_known_for_long_enough(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for key in ("old", "new"):
        assert OutboxChannel(folder).send(TO, "Hello", key)
    half = folder / ".half.ready"
    half.touch()
    [first, _second] = sorted((folder / KEYS).iterdir(), key=lambda file: file.stat().st_mtime_ns)
    for file in (first, half):
        os.utime(file, (time.time() - KEPT_S - 60.0,) * 2)
    assert OutboxChannel(folder).send(TO, "Hello", "new")
    assert (len(list((folder / KEYS).iterdir())), half.exists(), laid(folder)) == (1, False, ["old", "new"])
