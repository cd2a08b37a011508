"""The last good directory: written when phones change, told to the switch, kept when anything fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cti.core.errors import StoreUnavailable
from cti.core.people import AgentProfile, PhoneAccount, Team
from cti.runtime.last_good import LastGood, Place
from cti.switch.conf import SwitchSettings, render
from cti.switch.conf.directory import AGENTS_FILE, ha1
from cti.switch.conf.last_good import count_phones
from tests.runtime.accountkit import DEED, Office


@dataclass
class Switch:
    """Takes a new directory when it is up."""

    up: bool = True
    reloads: int = 0

    def reload(self) -> bool:
        self.reloads += self.up
        return self.up


@dataclass
class Phones:
    state: str = "1"
    found: list[PhoneAccount] = field(default_factory=lambda: [PhoneAccount("1001", "Anna", "secret")])
    broken: bool = False

    def phones_state(self) -> str:
        if self.broken:
            raise StoreUnavailable("the database is away")
        return self.state

    def list_phones(self) -> list[PhoneAccount]:
        return self.found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", "/nonexistent")  # no spoken apology
    render(SwitchSettings(), tmp_path)
    return tmp_path


def test_written_and_told_once_for_each_change(folder: Path) -> None:
    phones, switch = Phones(), Switch()
    keeper = LastGood(phones, [Place("fs1", "cti.local", folder, switch.reload)])
    file = folder / "conf" / AGENTS_FILE
    keeper.look()
    keeper.look()
    assert (count_phones(file.read_bytes()), switch.reloads) == (1, 1)
    assert ha1("1001", "cti.local", "secret") in file.read_text()
    phones.state, phones.found = "2", [*phones.found, PhoneAccount("1002", "Ben", "x")]
    keeper.look()
    assert (count_phones(file.read_bytes()), switch.reloads) == (2, 2)
    phones.state = "3"  # something changed that the switch is not told
    keeper.look()
    assert switch.reloads == 2


def test_a_switch_that_is_away_is_told_later(folder: Path) -> None:
    switch = Switch(up=False)
    keeper = LastGood(Phones(), [Place("fs1", "cti.local", folder, switch.reload)])
    keeper.look()
    switch.up = True
    keeper.look()
    keeper.look()
    assert switch.reloads == 1


def test_trouble_leaves_the_last_good_one_and_is_told_once(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    phones, switch = Phones(), Switch()
    nowhere = tmp_path_factory.mktemp("away")
    places = [Place(name, "cti.local", at, switch.reload) for name, at in (("fs1", nowhere), ("fs2", folder))]
    keeper = LastGood(phones, places)
    keeper.look()
    keeper.look()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "cti.runtime"]
    assert line.startswith("fs1 keeps the phones or trunks it has: [unwritable]")
    assert switch.reloads == 1  # fs2 has its own
    render(SwitchSettings(), nowhere)
    keeper.look()
    assert switch.reloads == 2
    phones.broken = True
    keeper.look()
    phones.broken = False
    keeper.look()
    assert (count_phones((folder / "conf" / AGENTS_FILE).read_bytes()), switch.reloads) == (1, 2)


def test_what_changes_a_directory_changes_its_state(tmp_path: Path) -> None:
    office = Office(tmp_path)
    try:
        accounts, agents = office.store.accounts, office.store.accounts.agents
        accounts.people.save_team(Team("north"), DEED)
        office.person("anna", "agent@team:north")
        agents.save([AgentProfile("a1", "u-anna", "Anna", "north", phone="1001")], DEED)
        seen = [agents.phones_state()]
        assert agents.list_phones() == [PhoneAccount("1001", "Anna", str(agents.sip_password("a1")))]
        agents.save([AgentProfile("a1", "u-anna", "Anna", "north", phone="1001", wrapup_s=5)], DEED)
        assert agents.phones_state() == seen[0]
        for change in (
            lambda: agents.rotate_sip_password("a1", DEED),
            lambda: office.services.accounts.set_title("u-anna", "Anne", DEED),
            lambda: agents.save([AgentProfile("a1", "u-anna", "Anne", "north", phone="1002")], DEED),
            lambda: office.services.accounts.set_disabled("u-anna", True, DEED),
        ):
            change()
            seen.append(agents.phones_state())
        assert len(set(seen)) == len(seen)
        assert agents.list_phones() == []
        assert agents.find_phone("1002") is None
    finally:
        office.close()
