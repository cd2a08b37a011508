"""``security.keys``: a ring of the interface server's own; what was sealed before a rotation is read after it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.app.office_keys import own_sealer
from cti.app.office_watch import OfficeWatch
from cti.boss import InterfaceServer, OfficePlan, load_office
from cti.boss.caching import Cache, Kept, MemoryCache
from cti.boss.configuration import OfficeRefused, parse_office
from cti.boss.policies import CacheSettings
from cti.boss.ways import WAYS
from cti.boss.writes import MemoryWriteLog
from cti.core.async_requests import AsyncRequest
from cti.core.errors import ConfigError
from cti.runtime.request_spool import FileSpool
from cti.runtime.requests import Promise
from cti.store import SqlStore, rotate
from cti.store.keyring import KeyRing, create_ring, load_ring
from cti.store.office_sealer import OfficeSealer
from cti.store.sealing import Sealer, UnknownKey
from cti.validating import Section
from tests.boss.rig import ScriptedKind, TestClock
from tests.store.conftest import Folder
from tests.store.template import copy_database

NUMBER = "13800138000"


class Options(Section):
    """Of a back end in the file: none."""


class FileKind(ScriptedKind):
    Backend: type[Section] = Options


MEMORY, DATABASE = CacheSettings(ttl_s=60), CacheSettings(ttl_s=60, store="database")
KEPT = Kept("ok", {"name": "Wang Wei"}, 100.0, "crm")
FILE = "security: {keys: {provider: file, path: office.json, active: k1}}\n"


def plan_of(text: str = FILE) -> OfficePlan:
    return parse_office(text, "interfaces.yaml", WAYS)


def ring(path: Path) -> KeyRing:
    found = load_ring(path)
    assert found is not None
    return found


@pytest.fixture
def store(folder: Folder) -> Iterator[SqlStore]:
    copy_database(folder.path)
    found = folder.open(busy_s=30.0)
    yield found
    found.close(5.0)
    folder.forget(found)


class Kit:
    """All that the interface server keeps: cache, spool, asynchronous requests."""

    def __init__(self, store: SqlStore, folder: Path) -> None:
        self.sealer, self.log = store.accounts.office_sealer, store.accounts.async_requests
        shared = store.accounts.office_cache
        self.settle = shared.settle
        self.cache = Cache(MemoryCache(), self.sealer, shared)
        self.spool = FileSpool(folder / "requests", self.sealer.seal, self.sealer.open)

    def keep(self, name: str) -> None:
        for settings in (MEMORY, DATABASE):
            self.cache.keep(f"balance.get/{name}{settings.store}", KEPT, settings)
        self.settle()
        self.spool.keep(Promise(name, "fault.file", {"number": NUMBER}, 1.0))
        self.log.add(AsyncRequest(name, "u", "fault.file", f"u/{name}", {"number": NUMBER}, 1.0, 9.0e9))

    def read(self, name: str) -> list[Any]:
        found: list[Any] = [
            self.cache.find(f"balance.get/{name}{settings.store}", settings) for settings in (MEMORY, DATABASE)
        ]
        found.append([promise.arguments for promise in self.spool.kept() if promise.key == name])
        one = self.log.find(name)
        return [*found, None if one is None else one.inputs]


READ = [KEPT, KEPT, [{"number": NUMBER}], {"number": NUMBER}]


@pytest.fixture
def kit(store: SqlStore, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Kit:
    monkeypatch.setattr("cti.store.office_cache.PATIENCE_S", 30.0)
    return Kit(store, folder.path)


def test_what_each_key_sealed_is_read_after_rotations(kit: Kit, folder: Folder) -> None:
    file = folder.path / "office.json"
    kit.keep("platform")
    create_ring(file)
    kit.sealer.use(own_sealer(plan_of().keys, folder.path))
    kit.keep("first")
    rotate(file)
    kit.sealer.use(own_sealer(plan_of(FILE.replace("k1", "k2")).keys, folder.path))
    kit.keep("second")
    assert [kit.read(name) for name in ("platform", "first", "second")] == [READ, READ, READ]
    assert kit.cache.unreadable == {}
    assert next((folder.path / "requests").glob("*.request")).read_text()[:3] in ("k1.", "k2.")
    kit.sealer.use(None)  # the section is taken out again: what the own ring sealed is named, and stays
    assert kit.read("platform") == READ
    with pytest.raises(UnknownKey):
        kit.read("second")


def test_a_key_that_is_gone_is_named_and_nothing_is_lost(
    kit: Kit, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    file = folder.path / "office.json"
    create_ring(file)
    rotate(file)
    own = ring(file)
    kit.sealer.use(own.sealer())
    kit.keep("r")
    kit.sealer.use(KeyRing("k3", {"k3": b"3" * 32}, own.blind).sealer())
    assert kit.cache.find("balance.get/rmemory", MEMORY) is None
    assert kit.cache.find("balance.get/rdatabase", DATABASE) is None
    assert kit.cache.unreadable == {"unknown-key": 2}
    with caplog.at_level(logging.ERROR):
        assert kit.spool.kept() == []
        assert kit.log.claim("ask", "cti/0", 10.0, 60.0, 16, ()) == []
    assert [("'k2'" in record.getMessage(), "unknown-key" in record.getMessage()) for record in caplog.records] == [
        (True, True),
        (True, True),
    ]
    with pytest.raises(UnknownKey, match="'k2'") as unknown:
        kit.log.find("r")
    assert (unknown.value.code, unknown.value.key_id) == ("unknown-key", "k2")
    kit.sealer.use(own.sealer())  # the key is put back
    assert kit.read("r") == READ
    assert [one.request_id for one in kit.log.claim("ask", "cti/0", 100.0, 60.0, 16, ())] == ["r"]


def test_a_write_whose_note_cannot_be_read_is_not_sent_again(
    store: SqlStore, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    text = """\
backends: {crm: {way: scripted}}
requests: {fault.file: {in: {number: phone}, out: {balance: decimal}, to: {backend: crm}}}
"""
    sealer, writes = store.accounts.office_sealer, store.accounts.office_writes
    plan = parse_office(text, "x.yaml", {"scripted": FileKind()})
    server = InterfaceServer(plan, TestClock(), folder=folder.path, sealing=sealer, writes=writes)
    way: Any = server.backend("crm")._way
    outcomes = []
    own = Sealer({"k7": b"7" * 32}, "k7", b"b" * 32)
    for ring in (own, Sealer({"k8": b"8" * 32}, "k8", b"b" * 32), own):
        sealer.use(ring)
        outcomes.append(server.request("fault.file", {"number": NUMBER}, "call/1").outcome)
    server.close()
    assert (outcomes, len(way.asked)) == (["done", "unknown", "done"], 1)
    assert "unknown-key k7" in caplog.text


def test_the_same_id_in_both_rings_names_two_keys() -> None:
    platform, own = (Sealer({"k1": letter * 32}, "k1", b"b" * 32) for letter in (b"p", b"o"))
    sealer = OfficeSealer(platform)
    before = sealer.seal_bytes(b"1", "x"), sealer.seal("1", "x")
    sealer.use(own)
    assert (sealer.open_bytes(before[0], "x"), sealer.open(before[1], "x")) == (b"1", "1")
    assert own.open(sealer.seal("2", "x"), "x") == "2"


# ---- the section -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "code", "told"),
    [
        ("{provider: file, path: office.json, active: k9}", "unknown-key", "interfaces.yaml:1:62"),
        ("{provider: file, path: nothing.json}", "missing-secret", "interfaces.yaml:1:18"),
        ("{provider: file, path: loose.json}", "bad-config", "mode 0644"),
        ("{provider: environment, variable: CTI_TEST_RING, active: k9}", "unknown-key", "interfaces.yaml:1:75"),
        ("{provider: environment, variable: CTI_TEST_NO_RING}", "missing-secret", "interfaces.yaml:1:18"),
    ],
)
def test_a_ring_that_cannot_be_used_is_told_at_its_place(
    section: str, code: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_ring(tmp_path / "office.json")
    create_ring(tmp_path / "loose.json")
    (tmp_path / "loose.json").chmod(0o644)
    monkeypatch.setenv("CTI_TEST_RING", (tmp_path / "office.json").read_text())
    plan = plan_of(f"security: {{keys: {section}}}\n")
    with pytest.raises(ConfigError) as refused:
        own_sealer(plan.keys, tmp_path)
    assert told in str(refused.value)
    assert refused.value.code == code


def test_a_ring_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = create_ring(tmp_path / "office.json")
    monkeypatch.setenv("CTI_TEST_RING", (tmp_path / "office.json").read_text())
    plan = plan_of("security: {keys: {provider: environment, variable: CTI_TEST_RING, active: k1}}\n")
    found = own_sealer(plan.keys, tmp_path)
    assert found is not None
    assert found.open(made.sealer().seal("x", "y"), "y") == "x"


@pytest.mark.parametrize(
    "section", ["{provider: file}", "{provider: environment, path: a}", "{path: a, variable: B}", "{provider: vault}"]
)
def test_a_section_without_its_place_is_refused(section: str) -> None:
    with pytest.raises(OfficeRefused):
        plan_of(f"security: {{keys: {section}}}\n")


def test_another_active_key_holds_once_the_file_is_saved(tmp_path: Path) -> None:
    create_ring(tmp_path / "office.json")
    rotate(tmp_path / "office.json")
    file = tmp_path / "interfaces.yaml"
    file.write_text(FILE)
    sealer = OfficeSealer(Sealer({"p": b"p" * 32}, "p", b"b" * 32))
    server = InterfaceServer(
        load_office(file, WAYS), TestClock(), folder=tmp_path, sealing=sealer, writes=MemoryWriteLog()
    )
    watch = OfficeWatch(server, file, lambda plan: sealer.use(own_sealer(plan.keys, tmp_path)))
    active = []
    for key in ("k2", "k7", "k1"):
        (tmp_path / "new.yaml").write_text(FILE.replace("k1", key))
        (tmp_path / "new.yaml").replace(file)
        active.append((watch.look(), sealer.active))
    server.close()
    assert active == [(True, "k2"), (False, "k2"), (True, "k1")]  # there is no k7
