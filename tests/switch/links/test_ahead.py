"""Which of a switch's threads reads the commands, and what is made of a switch that has none to be moved."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cti.esl import padded
from cti.switch.links.ahead import Reader, Standing, reader_of

MS = 1_000_000


@pytest.mark.parametrize(
    ("work", "thread"),
    [
        ({7: [3 * MS, 3 * MS, 4 * MS]}, 7),
        ({7: [3 * MS, 2 * MS, 2 * MS], 8: [9 * MS, 90_000, 80_000]}, 7),  # a call began while it was looked
        ({7: [3 * MS, 3 * MS, 3 * MS], 8: [2 * MS, 2 * MS, 2 * MS]}, None),  # two that could be it
        ({7: [90_000, 80_000, 90_000]}, None),  # a call, and the reader is not among the new ones
        ({7: [3 * MS, 10_000, 3 * MS]}, None),
        ({}, None),
        ({7: []}, None),
    ],
)
def test_the_reader_works_at_every_probe(work: dict[int, list[int]], thread: int | None) -> None:
    assert reader_of(work) == thread


def test_what_is_padded_is_one_command_of_its_size() -> None:
    assert len(padded(4096)) == 4096
    assert padded(4096).startswith(b"api global_getvar core_uuid\n")
    assert padded(4096).count(b"\n\n") == 1


def never(_command: bytes) -> None:
    pytest.fail("there is nothing to probe")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_switch_in_our_own_process_is_left_alone(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as ours, listener.accept()[0]:
        assert Reader.look((ours.getpeername()[1], ours.getsockname()[1])).go_ahead(never) is Standing.EQUAL


ANSWERING = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connection = server.accept()[0]
print("accepted", flush=True)
connection.recv(1)
"""


def test_a_process_without_a_real_time_priority_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", ANSWERING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with socket.create_connection(("127.0.0.1", int(process.stdout.readline()))) as ours:
            assert process.stdout.readline() == "accepted\n"
            assert Reader.look((ours.getpeername()[1], ours.getsockname()[1])).go_ahead(never) is Standing.EQUAL


def test_a_switch_elsewhere_is_left_alone() -> None:
    """The other end is in no table of this machine, or it is no TCP connection."""
    assert Reader.look(None).go_ahead(never) is Standing.ELSEWHERE
    assert Reader.look((8021, 1)).go_ahead(never) is Standing.ELSEWHERE
