"""An active and a standby switch over one core database: the active one is killed, and the guide's script makes its
answered calls again on the other (docs/failover.md). Both have the floating address; the standby binds it when the
other is dead.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
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
        assert parked.variable("cti_worker") == "0"
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
