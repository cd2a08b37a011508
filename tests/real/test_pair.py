"""An active and a standby switch over one core database: the active one is killed, and the guide's script makes its
answered calls again on the other (docs/failover.md). Both have the floating address; the standby binds it when the
other is dead.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from cti.switch.conf import parse_settings
from tests.store.test_postgresql import Server, _programs

from .engine import ROOT, EngineProcess
from .esl import wait_until
from .switch import RealSwitch, find_modules, text_for_test
from .ua import Phone

pytestmark = [pytest.mark.real, pytest.mark.nightly]

NO_MODULE = (
    "the pair did not run: FreeSWITCH has no mod_pgsql; in its sources `apt-get install libpq-dev`, then "
    "`make -C src/mod/databases/mod_pgsql install`"
)


class Standby(RealSwitch):
    """Runs, but has no SIP: the address is still with the other one."""

    def _ready(self) -> bool:
        try:
            with self.tap("HEARTBEAT") as tap:
                return "is ready" in tap.api("status")
        except (OSError, TimeoutError, AssertionError):
            return False


@dataclass
class Pair:
    active: RealSwitch
    standby: Standby
    database: Server

    def ask(self, sql: str) -> str:
        """One value of the core database."""
        command = ["psql", "-X", "-A", "-t", "-c", sql, self._core_db]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()

    def tracked(self, uuid: str) -> None:
        """Until the standby could make this call again: its row is written behind its answer."""
        sql = f"SELECT count(*) FROM recovery WHERE uuid = '{uuid}'"
        wait_until(lambda: self.ask(sql) == "1", 30, "the call is in the core database", 0.1)

    def take_over(self) -> str:
        """By the script of the guide; what it says."""
        conf = self.standby.conf
        fs_cli = self.standby.binary.resolve().parent / "fs_cli"
        known = {
            "PEER": self.active.conf.name,
            "THIS": conf.name,
            "CORE_DB": self._core_db,
            "FS_CLI": f"{fs_cli} -H {conf.host} -P {conf.port} -p {conf.password}",
        }
        script = ROOT / "docs" / "failover" / "take-over"
        done = subprocess.run(
            [str(script)], env=os.environ | known, capture_output=True, text=True, check=False, timeout=90
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    @property
    def _core_db(self) -> str:
        return f"host={self.database.folder} dbname=postgres user=cti"


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    programs = _programs()
    if programs is None or shutil.which("psql") is None:
        pytest.skip("the pair did not run: no initdb or no psql found (apt-get install postgresql)")
    with tempfile.TemporaryDirectory(prefix="cti-pg-") as name:
        server = Server(programs, Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def pair(freeswitch_binary: Path, database: Server, tmp_path: Path) -> Iterator[Pair]:
    modules = find_modules(freeswitch_binary)
    if modules is None or not (modules / "mod_pgsql.so").is_file():
        pytest.skip(NO_MODULE)
    core = f"core_db: {{host: {database.folder}, name: postgres, user: cti}}"
    text, other = text_for_test(max_sessions=50), text_for_test(max_sessions=50)
    theirs = text.replace("name: realtest", "name: other", 1).replace(_event_port(text), _event_port(other))
    settings = [
        parse_settings(f"{one}\npair: {{peer: {peer}, {core}}}\n")
        for one, peer in ((text, "other"), (theirs, "realtest"))
    ]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    active = RealSwitch(freeswitch_binary, tmp_path / "a", settings[0])
    standby = Standby(freeswitch_binary, tmp_path / "b", settings[1])
    try:
        active.start()
        standby.start()
        yield Pair(active, standby, database)
    finally:
        standby.stop()
        active.stop()


def _event_port(text: str) -> str:
    found = re.search(r"event_socket: \{port: \d+\}", text)
    assert found is not None
    return found[0]


def test_an_answered_call_is_made_again_with_its_uuid(pair: Pair) -> None:
    with Phone("13800000000") as phone, pair.standby.tap() as tap:
        with pair.active.tap() as before:
            before.api("global_setvar cti_alive_0=1")
            dialog = phone.call("4000", pair.active.conf.trunks_port)
            uuid = before.wait_name("CHANNEL_PARK").get("Unique-ID")
            before.execute(uuid, "answer")
            dialog.wait_answered()
            ringing = phone.call("4001", pair.active.conf.trunks_port)
            lost = before.wait(lambda e: e.name == "CHANNEL_PARK" and e.get("Unique-ID") != uuid).get("Unique-ID")
            pair.tracked(uuid)
        pair.active.kill()
        assert "Recovered 1 call(s)" in pair.take_over()
        parked = tap.wait_name("CHANNEL_PARK", 30, Unique_ID=uuid)
        assert parked.variable("recovered") == "true"
        assert parked.variable("presence_data") == "0"
        assert parked.variable("cti_trunk") == "callers"
        # What has not been answered is in no database.
        assert tap.api(f"uuid_exists {lost}") == "false"
        ringing.finished.set()
        # The engine begins with this list.
        assert uuid in tap.api("show channels")
        # It is the same telephone: what is played on the standby is heard, and its hanging up is understood.
        heard = dialog.media.pcm()
        tap.execute(uuid, "playback", "tone_stream://%(1000,0,1000)")
        wait_until(lambda: len(dialog.media.pcm()) > len(heard) + 4000, 30, "the telephone hears the standby")
        assert not dialog.finished.is_set()
        tap.api(f"uuid_kill {uuid}")
        dialog.wait_finished(30)


def test_the_engine_beside_the_standby_goes_on_with_the_call(pair: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    first = EngineProcess(pair.active, folder)
    second: EngineProcess | None = None
    try:
        first.start()
        with Phone("13800000001") as phone:
            with pair.active.tap() as before:
                dialog = phone.call("4000", pair.active.conf.trunks_port)
                uuid = before.wait_name("CHANNEL_PARK").get("Unique-ID")
                dialog.wait_answered()
                before.wait_name("PLAYBACK_START", 30, Unique_ID=uuid)
            pair.tracked(uuid)
            pair.active.kill()
            first.kill()
            assert "Recovered 1 call(s)" in pair.take_over()
            second = EngineProcess(pair.standby, folder)  # the same data, as the same PostgreSQL would be
            with pair.standby.tap() as tap:
                second.start()
                tap.wait_name("PLAYBACK_START", 30, Unique_ID=uuid)
                assert not dialog.finished.is_set()
                (record,) = [call for call in second.calls() if call["call_id"] == uuid]
                assert record["ended_at"] is None
            dialog.hang_up()
        (record,) = second.finished(1, 30)
        assert (record["call_id"], record["terminal_cause"]) == (uuid, "caller_hangup")
    finally:
        for engine in (first, second):
            if engine is not None:
                engine.stop()


def test_a_core_database_that_is_away(pair: Pair) -> None:
    """Calls go on and new ones are met; what was not written is written when it is back."""
    with Phone("13800000002") as phone, Phone("13800000003") as other, pair.active.tap() as tap:
        tap.api("global_setvar cti_alive_0=1")
        first = phone.call("4000", pair.active.conf.trunks_port)
        uuid = tap.wait_name("CHANNEL_PARK").get("Unique-ID")
        tap.execute(uuid, "answer")
        first.wait_answered()
        pair.tracked(uuid)
        pair.database.stop()
        try:
            heard = len(first.media.pcm())
            tap.execute(uuid, "playback", "tone_stream://%(1000,0,1000)")
            wait_until(lambda: len(first.media.pcm()) > heard + 4000, 30, "the call that is up goes on")
            second = other.call("4001", pair.active.conf.trunks_port)
            fresh = tap.wait(lambda e: e.name == "CHANNEL_PARK" and e.get("Unique-ID") != uuid, 30).get("Unique-ID")
            tap.execute(fresh, "answer")
            second.wait_answered(30)
        finally:
            pair.database.start()
        third = phone.call("4002", pair.active.conf.trunks_port)
        last = tap.wait(lambda e: e.name == "CHANNEL_PARK" and e.get("Unique-ID") not in (uuid, fresh), 30)
        tap.execute(last.get("Unique-ID"), "answer")
        third.wait_answered(30)
        for one in (uuid, fresh, last.get("Unique-ID")):  # also what was answered meanwhile
            pair.tracked(one)
        for dialog in (first, second, third):
            dialog.hang_up()


FLOWS = {
    "101": ("menu", '  main: {type: menu, say: "Main menu.", wait: 300s, keys: {1: bye}, to: {else: bye}}\n'),
    "102": ("queued", "  wait: {type: queue, queue: service, max_wait: 3600s, to: {talked: bye, else: bye}}\n"),
    "103": ("bridged",
            '  call: {type: transfer, dial: {extension: "1002"}, ring: 60s, to: {talked: after, else: bye}}\n'
            '  after: {type: menu, say: "Was it good?", wait: 300s, keys: {1: bye}, to: {else: bye}}\n'),
    "108": ("fax", "  take: {type: fax, do: receive, save: document, deadline: 600s, to: {else: main}}\n"
            '  main: {type: menu, say: "No fax.", wait: 300s, keys: {1: bye}, to: {else: bye}}\n'),
}  # fmt: skip


def _write_flows(folder: Path) -> None:
    (folder / "flows").mkdir(parents=True)
    entries = ["entries:"]
    for number, (name, nodes) in FLOWS.items():
        head = f'flow: {name}\nstart: hi\nlanguages: {{default: en-US}}\nvars: {{document: "text?"}}\nnodes:\n'
        hi = '  hi: {type: play, say: "Hello."}\n'
        (folder / "flows" / f"{name}.yaml").write_text(f"{head}{hi}{nodes}  bye: {{type: end, outcome: done}}\n")
        entries.append(f'  - {{name: {name}, medium: voice, called: "{number}", flow: {name}}}')
    (folder / "flows" / "busy.yaml").write_text(
        "flow: busy\nstart: hi\nlanguages: {default: en-US}\nnodes:\n  hi: {type: end, outcome: busy}\n"
    )
    (folder / "flows" / "entry.yaml").write_text("\n".join(entries) + "\n")


def test_who_talks_waits_or_sends_a_fax_goes_on_beside_the_standby(pair: Pair, tmp_path: Path) -> None:
    """Both legs of a talk are made again and bridged; a place in a queue is kept; a fax has failed."""
    folder = tmp_path / "engine"
    _write_flows(folder)
    engines = [EngineProcess(pair.active, folder)]
    with ExitStack() as stack:
        stack.callback(_stop, engines)
        engines[0].start()
        agent = stack.enter_context(Phone("1002", password=pair.active.conf.phones["1002"]))
        assert agent.register(pair.active.conf.phones_port) == 200
        phones = {number: stack.enter_context(Phone(f"1380000{number:>04}")) for number in FLOWS}
        with pair.active.tap() as before:
            calls = {number: phone.call(number, pair.active.conf.trunks_port) for number, phone in phones.items()}
            for dialog in calls.values():
                dialog.wait_answered(30)
            uuids = {
                number: before.wait_name("CHANNEL_PARK", 30, Caller_Destination_Number=number).get("Unique-ID")
                for number in FLOWS
            }
            partner = before.wait_name("CHANNEL_BRIDGE", 60, Unique_ID=uuids["103"]).get("Other-Leg-Unique-ID")
            before.wait(lambda e: e.name == "CHANNEL_EXECUTE" and e.get("Application") == "rxfax", 60)
            for uuid in (*uuids.values(), partner):
                pair.tracked(uuid)
        for uuid in uuids.values():
            _kept(folder, uuid)
        pair.active.kill()
        engines[0].kill()
        with pair.standby.tap() as tap:
            told = pair.take_over()
            assert f"Recovered {len(FLOWS) + 1} call(s)" in told
            bridged = tap.wait_name("CHANNEL_BRIDGE", 30)
            legs = {bridged.get("Unique-ID"), bridged.get("Other-Leg-Unique-ID")}
            assert legs == {uuids["103"], partner}
            engines.append(EngineProcess(pair.standby, folder))
            engines[1].start()
            for number in ("101", "108"):  # the menu again; the fax has failed, and its flow goes on
                tap.wait_name("PLAYBACK_START", 60, Unique_ID=uuids[number])
            assert all(tap.api(f"uuid_exists {uuid}") == "true" for uuid in (*uuids.values(), partner))
            assert not any(dialog.finished.is_set() for dialog in (*calls.values(), agent.wait_call()))
            assert _nodes(folder, uuids["102"])[-1] == ("wait", "")
            assert ("take", "failed") in _nodes(folder, uuids["108"])
            agent.wait_call().hang_up()
            tap.wait_name("PLAYBACK_START", 60, Unique_ID=uuids["103"])
        wait_until(lambda: ("call", "talked") in _nodes(folder, uuids["103"]), 30, "the flow goes on after the talk")
        for dialog in calls.values():
            dialog.hang_up()
        found = {call["call_id"]: call["terminal_cause"] for call in engines[1].finished(len(FLOWS), 30)}
        assert found == dict.fromkeys(uuids.values(), "caller_hangup")


def _stop(engines: Sequence[EngineProcess]) -> None:
    for engine in engines:
        engine.stop()


def _rows(folder: Path, query: str, uuid: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(f"file:{folder / 'data' / 'cti.db'}?mode=ro", uri=True)) as database:
        return database.execute(query, (uuid,)).fetchall()


def _kept(folder: Path, uuid: str) -> None:
    query = "SELECT call_id FROM call_snapshots WHERE call_id = ?"
    wait_until(lambda: bool(_rows(folder, query, uuid)), 30, "where the call stands is kept")


def _nodes(folder: Path, uuid: str) -> list[tuple[str, ...]]:
    return _rows(folder, "SELECT node, exit FROM node_visits WHERE call_id = ? ORDER BY entered_at", uuid)
