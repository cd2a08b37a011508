"""One contract for all transports, over real servers; then what servers and their networks do wrong (more
of it in `test_server_faults`)."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko
import pytest

from cti.boss.ways.files import remote
from cti.boss.ways.files.transport import Transport, TransportError, TransportOptions, finish, open_transport, put
from cti.core.errors import ConfigError
from tests.boss.rig import until
from tests.boss.ways.files.servers import HOST_KEY
from tests.boss.ways.files.site import KINDS, Site

DATA = b"13800138000|1250\n" * 6000


def reason(work: Any) -> str:
    with pytest.raises(TransportError) as raised:
        work()
    return raised.value.reason


def content(one: Transport, name: str, offset: int = 0) -> bytes:
    into = io.BytesIO()
    assert one.read(name, into, offset=offset, most=10_000_000) == len(into.getvalue())
    return into.getvalue()


def test_the_contract(site: Site) -> None:
    one = site.open()
    assert one.list() == []
    assert one.stat("A.txt") is None
    assert reason(lambda: one.read("A.txt", io.BytesIO(), most=1)) == "vanished"
    one.write("A.tmp", b"older")
    one.write("A.tmp", DATA)
    one.rename("A.tmp", "A.txt")
    (site.folder / "sub").mkdir()
    (site.folder / "link").symlink_to(site.folder / "A.txt")
    [entry] = [entry for entry in one.list() if entry.name != "link"]  # FTP servers show links as files
    assert (entry.name, entry.size) == ("A.txt", len(DATA))
    assert abs(entry.mtime - (site.folder / "A.txt").stat().st_mtime) < 2
    found = one.stat("A.txt")
    assert found is not None
    assert found.size == len(DATA)
    assert content(one, "A.txt") == DATA
    assert content(one, "A.txt", offset=100_000) == DATA[100_000:]
    one.write("B.tmp", b"x")
    assert reason(lambda: one.rename("B.tmp", "A.txt")) == "exists"
    assert content(one, "A.txt") == DATA
    one.remove("A.txt")
    one.remove("A.txt")
    assert one.stat("A.txt") is None


def test_what_is_put_comes_whole_or_not_and_is_never_overwritten(site: Site) -> None:
    one, chk = site.open(), ("R.txt.chk", b"R.txt|6\n")
    assert put(one, "R.txt", b"a|1\nb|", chk=chk)
    assert sorted(os.listdir(site.folder)) == ["R.txt", "R.txt.chk"]
    assert not put(one, "R.txt", b"a|1\nb|", chk=chk)
    (site.folder / "R.txt.chk").unlink()  # killed between the two
    assert put(one, "R.txt", b"a|1\nb|", chk=chk)
    assert reason(lambda: put(one, "R.txt", b"a|1\nc|", chk=chk)) == "exists"
    assert (site.folder / "R.txt").read_bytes() == b"a|1\nb|"


def test_what_was_ready_is_finished_once_wherever_it_was_killed(site: Site) -> None:
    one, chk = site.open(), ("R.txt.chk", b"R.txt|6\n")

    class Killed(Exception):
        pass

    def killed() -> None:
        raise Killed

    for _ in range(2):  # what stands there already is told as well
        with pytest.raises(Killed):
            put(one, "R.txt", b"a|1\nb|", chk=chk, ready=killed)
        assert sorted(os.listdir(site.folder)) == ["R.txt", "R.txt.chk.tmp"]
    finish(one, *chk)
    assert sorted(os.listdir(site.folder)) == ["R.txt", "R.txt.chk"]
    for name in os.listdir(site.folder):  # taken away by whom it is for
        (site.folder / name).unlink()
    finish(one, *chk)
    assert os.listdir(site.folder) == []
    (site.folder / "R.txt.chk.tmp").write_bytes(chk[1])
    (site.folder / "R.txt.chk").write_bytes(b"foreign")
    assert reason(lambda: finish(one, *chk)) == "exists"


@pytest.mark.parametrize("name", ["../up.txt", "a/b", "x\r\nDELE A.txt", "\x07", "..", ".hidden", "a\\b"])
def test_names_that_lead_elsewhere_are_not_sent(site: Site, name: str) -> None:
    one = site.open()
    for work in (
        lambda: one.stat(name),
        lambda: one.write(name, b"x"),
        lambda: one.remove(name),
        lambda: one.rename("a", name),
        lambda: one.read(name, io.BytesIO(), most=1),
    ):
        assert reason(work) == "bad-name"
    assert os.listdir(site.folder) == []


@pytest.mark.parametrize("kind", KINDS[1:])
def test_names_in_a_charset_of_the_server(kind: str, make: Callable[..., Site]) -> None:
    site = make(kind, "gb18030")
    one = site.open()
    put(one, "账单_王䶮.txt", b"1")
    assert os.listdir(site.folder) == ["账单_王䶮.txt"]
    assert [entry.name for entry in one.list()] == ["账单_王䶮.txt"]
    assert content(one, "账单_王䶮.txt") == b"1"


def test_a_huge_file_is_bounded(site: Site) -> None:
    (site.folder / "HUGE").touch()
    os.truncate(site.folder / "HUGE", 1 << 30)
    into, one = io.BytesIO(), site.open()
    assert reason(lambda: one.read("HUGE", into, most=1_000_000)) == "too-long"
    assert len(into.getvalue()) <= 1_000_000
    assert [entry.size for entry in one.list()] == [1 << 30]


class _Stops(io.BytesIO):
    def __init__(self, stop: Any) -> None:
        super().__init__()
        self._stop = stop

    def write(self, data: Any) -> int:
        if self._stop is not None:
            stop, self._stop = self._stop, None
            stop()
        return super().write(data)


def test_a_server_that_dies_in_the_middle_and_comes_back_is_read_on(server: Site) -> None:
    data = os.urandom(8_000_000)
    (server.folder / "BIG").write_bytes(data)
    into, one = _Stops(server.stop), server.open()
    assert reason(lambda: one.read("BIG", into, most=1 << 30)) == "reset"
    assert reason(one.list) in ("unreachable", "backing-off")
    server.start()
    came = len(into.getvalue())
    assert 0 < came < len(data)

    def again() -> bool:
        try:
            one.read("BIG", into, offset=len(into.getvalue()), most=1 << 30)
        except TransportError:
            return False
        return True

    until(again)
    assert hashlib.sha256(into.getvalue()).digest() == hashlib.sha256(data).digest()


def test_a_server_that_was_started_again_between_two_calls_is_not_noticed(server: Site) -> None:
    one = server.open()
    one.list()
    server.stop()
    server.start()
    put(one, "A.txt", b"1")
    assert content(one, "A.txt") == b"1"


def test_a_wrong_password_is_told_and_not_tried_at_once_again(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAUSE_S", (600.0, 600.0))
    one = server.open(password="wrong")
    assert reason(one.list) == "login"
    assert reason(one.list) == "backing-off"


def test_known_hosts_is_read(tmp_path: Path, make: Callable[..., Site]) -> None:
    site = make("sftp")
    known, line = tmp_path / "known_hosts", f"{HOST_KEY.get_name()} {HOST_KEY.get_base64()}\n"
    known.write_text(f"[127.0.0.1]:{site.port} {line}")
    assert site.open(known_hosts=known).list() == []
    other = paramiko.ECDSAKey.generate()
    known.write_text(f"[127.0.0.1]:{site.port} {other.get_name()} {other.get_base64()}\n")
    assert reason(site.open(known_hosts=known).list) == "bad-host-key"
    known.write_text(f"elsewhere {line}")
    with pytest.raises(ConfigError, match="is not in known_hosts"):
        site.open(known_hosts=known)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("gopher://host/dir", "bad-url"),
        ("sftp:///dir", "bad-url"),
        ("ftp://user:word@host/dir", "secret-in-clear"),
        ("sftp://user@host/dir", "missing-option"),
    ],
)
def test_what_can_never_work_is_told_at_once(url: str, code: str) -> None:
    with pytest.raises(ConfigError) as raised:
        open_transport(url, TransportOptions())
    assert raised.value.code == code
