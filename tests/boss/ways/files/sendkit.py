"""A way that sends files and reads answers, over a real store and served folders."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cti.boss.way import AWAITED, Outbox, Question, Surroundings, WayError
from cti.boss.ways.files import KIND, remote
from cti.boss.ways.files.options import FilesBackend, FilesTarget
from cti.store import SqlStore
from cti.store.schema_request_files import request_rows
from tests.boss.rig import until
from tests.boss.ways.files.site import Site
from tests.store.conftest import Folder
from tests.store.template import copy_database

NUMBER = "13800138000"
SEND: dict[str, Any] = {
    "every_s": 0.01,
    "row": {"codec": "delimited", "fields": ["serial", "msisdn", {"name": "pack", "required": False}]},
    "charset": "gb18030",
    "key": "serial",
}
ANSWERS: dict[str, Any] = {
    "match": r"RSP_(?P<day>\d{8})_(?P<seq>\d{3})\.txt",
    "row": {"codec": "delimited", "fields": ["serial", "code", {"name": "fee", "type": "decimal", "scale": 2}]},
    "key": "serial",
    "max_bytes": 1000,
}
BEGIN, DAY = 1_800_000_000.0, "20270115"


class Rig:
    """One store, and ways over it as engines have them."""

    def __init__(self, path: Path) -> None:
        copy_database(path)
        self.folder = Folder(path)
        self.store: SqlStore = self.folder.open()
        self.ways = list[Any]()
        self.ahead_s, self._began = 0.0, time.monotonic()

    def now(self) -> float:
        return BEGIN + time.monotonic() - self._began + self.ahead_s

    def outbox(self, worker: str = "n/0", **more: Any) -> Outbox:
        return Outbox(self.store.accounts.request_files, worker, self.now, **more)

    def way(self, site: Site, *, outbox: Outbox | None = None, answers: Any = ANSWERS, **send: Any) -> Any:
        told = {"url": site.url, "every_s": 0.01, "send": {**SEND, **send}, "answers": answers, **site.options()}
        options = FilesBackend.model_validate({name: value for name, value in told.items() if value is not None})
        assert list(KIND.prove_backend(options)) == []
        around = Surroundings("orders", site.home, 4, outbox or self.outbox())
        self.ways.append(KIND.open(options, around))
        return self.ways[-1]

    def rows(self) -> list[tuple[str, int]]:
        """(key, number of its file) in the order of keys."""
        with self.store._engine.connect() as connection:
            at = request_rows.c
            return [(row.key, row.seq) for row in connection.execute(select(at.key, at.seq).order_by(at.key))]

    def kept(self) -> bytes:
        """What the disk has of the database; its log may go at any moment."""
        found = self.folder.db.read_bytes()
        with suppress(FileNotFoundError):
            found += Path(f"{self.folder.db}-wal").read_bytes()
        return found

    def close(self) -> None:
        for way in self.ways:
            way.close()
            assert way._sending._greenlet.dead
        self.folder.close()


@pytest.fixture
def rig(tmp_path: Path, nothing_left: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(remote, "PAUSE_S", (0.01, 0.02))
    home = tmp_path / "store"
    home.mkdir()
    found = Rig(home)
    yield found
    found.close()


def order(key: str | None = "call/1", wait_s: float = 60.0, waits: bool = True, **fields: Any) -> Question:
    told = {"msisdn": NUMBER, **fields, **({"key": key} if key is not None else {})}
    return Question(FilesTarget(), told, key, time.monotonic() + wait_s, waits=waits)


def put_in(way: Any, key: str, **fields: Any) -> None:
    """Nobody waits."""
    with pytest.raises(WayError, match=AWAITED) as raised:
        way.ask(order(key, waits=False, **fields))
    assert (raised.value.outcome, raised.value.sent) == ("timeout", True)


def sent(site: Site, seq: int = 1) -> bytes:
    """A file, once its chk is there; the chk agrees."""
    file = site.folder / f"REQ_{DAY}_{seq:06d}.txt"
    chk = file.with_name(f"{file.name}.chk")
    until(chk.exists)
    data = file.read_bytes()
    assert chk.read_text() == f"{file.name}|{len(data)}|{data.count(10)}|{hashlib.md5(data).hexdigest()}\n"
    return data


def answer(site: Site, seq: int, text: str | bytes, chk: str | None = "{name}|{bytes}|{rows}|{md5}") -> Path:
    file = site.folder / f"RSP_{DAY}_{seq:03d}.txt"
    data = text.encode() if isinstance(text, str) else text
    part = file.with_suffix(".tmp")
    part.write_bytes(data)
    if chk is not None:
        md5 = hashlib.md5(data).hexdigest()
        told = chk.format(name=file.name, bytes=len(data), rows=data.count(10), md5=md5)
        file.with_name(f"{file.name}.chk").write_text(told)
    part.rename(file)
    return file


def problem(way: Any, reason: str, side: str = "answers") -> None:
    until(lambda: way.facts()[f"{side}.problem"] == reason)
