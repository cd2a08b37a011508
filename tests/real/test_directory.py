"""Phones of agents on a real switch: known by the API (mod_xml_curl), and by the last good directory without it."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.app import open_accounts
from cti.config import load_settings
from cti.core.access import SYSTEM, Deed, Grant, Role
from cti.core.people import AgentProfile, Team, UserKind
from cti.runtime.accounts import Accounts
from cti.switch.conf import check, parse_settings, render
from cti.switch.conf.directory import AGENTS_FILE, ha1
from cti.switch.conf.directory_settings import DirectorySettings
from tests.store.template import copy_database

from .engine import EngineProcess
from .esl import Tap, wait_until
from .switch import RealSwitch, find_modules, text_for_test
from .ua import Phone

pytestmark = pytest.mark.real

#: 1001 is a phone of the switch's own as well: the agent's password holds.
NUMBERS = ("1001", "2001", "2002")
NASTY = '<!"/><variable name="user_context" value="evil"/><X-PRE-PROCESS cmd="set" data="cti_domain=e"/>$${a}'
FLOW = "flow: busy\nstart: bye\nlanguages: {default: zh-CN}\nnodes:\n  bye: {type: end, outcome: busy}\n"
ENTRY = 'entries:\n  - {name: all, medium: voice, called: "7010", flow: busy}\n'


class Site:
    """A switch that asks an engine for its phones, both running."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.file_of_settings, self.text = folder / "switch.yaml", text_for_test(max_sessions=50)
        self.file_of_settings.write_text(self.text)
        self.switch = RealSwitch(binary, folder / "switch", parse_settings(self.text))
        self.engine = EngineProcess(self.switch, folder / "engine")
        config = self.engine.config
        config.write_text(
            config.read_text()
            .replace(
                "domain: cti.local",
                f"domain: cti.local, folder: {self.switch.folder}, settings: {self.file_of_settings}",
            )
            .replace("name: fs,", "name: realtest,")
        )
        copy_database(folder / "engine" / "data")
        key = folder / "switch.key"
        with open_accounts(load_settings(config)) as accounts:
            key.write_text(_people(accounts))
            self.passwords = {number: str(accounts.store.agents.sip_password(number)) for number in NUMBERS}
        directory = DirectorySettings(
            url=f"http://127.0.0.1:{self.engine.api_port}/switch/directory",
            key_file=str(key),
            timeout_s=1,
            configuration=True,
        )
        self.settings = self.switch.settings.model_copy(update={"directory": directory})
        self.switch.conf = render(self.settings, self.switch.folder, modules=find_modules(binary))
        self.file = self.switch.conf.conf / AGENTS_FILE

    def register(self, number: str, password: str) -> int:
        with Phone(number, password=password) as phone:
            return phone.register(self.switch.conf.phones_port)

    def rotate(self, number: str) -> str:
        with open_accounts(load_settings(self.engine.config)) as accounts:
            return accounts.store.agents.rotate_sip_password(number, _deed(accounts))

    def directory(self) -> list[str]:
        """What `cti switch check` finds of the directory."""
        findings = check(self.settings, self.switch.conf.password).findings
        return [finding.code for finding in findings if finding.subject == "directory"]


def _deed(accounts: Accounts) -> Deed:
    return accounts.deed(SYSTEM, reason="test")


def _people(accounts: Accounts) -> str:
    """Agents with phones; the key of a switch."""
    deed = _deed(accounts)
    accounts.store.people.save_team(Team("north"), deed)
    for number in NUMBERS:
        title = NASTY if number == "2002" else f"Agent {number}"
        user, _ = accounts.add_user(f"agent{number}", [Grant(Role.AGENT)], deed, title=title)
        accounts.store.agents.save([AgentProfile(number, user.user_id, title, "north", phone=number)], deed)
    machine, _ = accounts.add_user("fs", [Grant.parse("switch@switch:realtest")], deed, kind=UserKind.MACHINE)
    return accounts.add_key(machine.user_id, "test", deed)[1]


def _names_are_names(tap: Tap) -> None:
    assert tap.api("user_data 2002@cti.local var effective_caller_id_name") == NASTY.replace("<!", "< !")
    assert tap.api("user_data 2002@cti.local var user_context") == "phones"
    assert tap.api("global_getvar cti_domain") == "cti.local"


def _read_again(tap: Tap, changed_at: float, after: int) -> None:
    """The switch has read its files since; one reading may have been under way for another change. Its clock is one
    that a thread of it sets, every millisecond if it gets a processor."""
    due = changed_at * 1e6 - 50e3
    tap.wait(lambda e: e.name == "RELOADXML" and int(e.get("Event-Date-Timestamp")) >= due, 30, after=after)


@pytest.fixture(scope="module")
def site(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    modules = find_modules(freeswitch_binary)
    if modules is not None and not (modules / "mod_xml_curl.so").exists():
        pytest.skip("this switch has no mod_xml_curl")
    folder = tmp_path_factory.mktemp("directory")
    flows = folder / "engine" / "flows"
    flows.mkdir(parents=True)
    (flows / "busy.yaml").write_text(FLOW)
    (flows / "entry.yaml").write_text(ENTRY)
    running = Site(freeswitch_binary, folder)
    try:
        running.switch.start()
        running.engine.start()
        yield running
    finally:
        running.engine.stop()
        running.switch.stop()


@pytest.fixture
def tap(site: Site) -> Iterator[Tap]:
    with site.switch.tap() as running:
        yield running


def test_a_phone_comes_in_with_its_password_and_no_other(site: Site, tap: Tap) -> None:
    assert site.directory() == ["directory"]
    for number in NUMBERS:
        assert site.register(number, site.passwords[number]) == 200
        assert site.register(number, "not the password") == 403
    assert site.register("1001", site.switch.conf.phones["1001"]) == 403  # of the switch's own file
    assert site.register("1002", site.switch.conf.phones["1002"]) == 200  # of no agent
    assert site.register("2003", site.passwords["2001"]) == 403


def test_a_phone_rings_by_the_directory(site: Site, tap: Tap) -> None:
    with Phone("2001", password=site.passwords["2001"]) as phone:
        assert phone.register(site.switch.conf.phones_port) == 200
        assert tap.api("originate {ignore_early_media=true}user/2001@cti.local &park").startswith("+OK")
        phone.wait_call()
        tap.api("hupall")


def test_a_name_is_a_name_and_nothing_else(site: Site, tap: Tap) -> None:
    _names_are_names(tap)


def test_the_rotated_password_holds_at_once_and_the_old_one_no_longer(site: Site, tap: Tap) -> None:
    old, fresh = site.passwords["2001"], site.rotate("2001")
    assert site.register("2001", old) == 403
    assert site.register("2001", fresh) == 200
    site.passwords["2001"] = fresh


FRESH = """\
  - {name: fresh, address: 127.0.0.1, port: 9, probe_s: 0, inbound_from: [192.0.2.64/28], outgoing_number: "861077",
     register: {user: "8677", password: "a$${b}<&X-PRE-PROCESS"}}
"""


def test_a_trunk_of_the_settings_is_told_by_the_api_and_by_the_last_good_files_without_it(site: Site, tap: Tap) -> None:
    """The switch was started when no API answered. Passwords and names are values, whatever they look like."""
    assert "Invalid Gateway" in tap.api("sofia xmlstatus gateway fresh")
    assert tap.api("acl 192.0.2.65 cti_trunks") == "false"
    tap.api("xml_curl debug_on")  # keeps what was answered
    site.file_of_settings.write_text(site.text + FRESH)
    known(tap)
    answers = [path.read_text(errors="replace") for path in (site.switch.folder / "temp").glob("*.xml")]
    assert any('name="sofia.conf"' in text and 'name="fresh"' in text for text in answers)
    assert any('id="fresh.0"' in text for text in answers)
    tap.api("xml_curl debug_off")
    assert tap.api("global_getvar cti_domain") == "cti.local"
    assert tap.api("sofia status").count("RUNNING") >= 2
    files = [site.switch.conf.conf / "local" / name for name in ("gateways.xml", "trunk_addresses.xml")]
    wait_until(lambda: all("fresh" in path.read_text() for path in files), 30, "the last good trunks")
    process = site.engine.process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        tap.api("sofia profile trunks killgw fresh")
        wait_until(lambda: "Invalid Gateway" in tap.api("sofia xmlstatus gateway fresh"), 30, "it is gone", 0.2)
        tap.api("reloadxml")
        tap.api("reloadacl")
        tap.api("sofia profile trunks rescan")
        known(tap)
    finally:
        os.kill(process.pid, signal.SIGCONT)


def known(tap: Tap) -> None:
    wait_until(lambda: "8677" in tap.api("sofia xmlstatus gateway fresh"), 30, "the gateway is there", 0.3)
    wait_until(lambda: tap.api("acl 192.0.2.65 cti_trunks") == "true", 30, "its addresses may call", 0.3)


def test_the_last_good_directory_answers_when_the_api_does_not(site: Site, tap: Tap) -> None:
    before = len(tap.events)
    old, fresh = site.passwords["1001"], site.rotate("1001")
    wait_until(lambda: ha1("1001", "cti.local", fresh) in site.file.read_text(), 30, "the file tells the new password")
    _read_again(tap, site.file.stat().st_mtime, before)
    assert stat.S_IMODE(site.file.stat().st_mode) == 0o600
    for password in site.passwords.values():
        assert password not in site.file.read_text()
    process = site.engine.process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)  # an API that takes the request and never answers
    try:
        assert site.register("1001", fresh) == 200
    finally:
        os.kill(process.pid, signal.SIGCONT)
    site.engine.kill()
    assert site.directory() == ["directory-silent"]
    assert site.register("1001", fresh) == 200
    for wrong in (old, "not the password", site.switch.conf.phones["1001"]):
        assert site.register("1001", wrong) == 403
    assert site.register("2001", site.passwords["2001"]) == 200
    _names_are_names(tap)
