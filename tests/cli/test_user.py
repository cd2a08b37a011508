"""`cti user` beside no engine: what it changes, what it prints once, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.app import open_accounts
from cti.cli import main
from cti.cli.demo_people import AGENTS, PEOPLE, prepare
from cti.config import load_settings
from cti.core.people import AgentProfile, RemoteAnswer
from cti.runtime.accounts import Accounts
from tests.store.template import copy_database

CONFIG = "data: .\nswitches:\n  - {name: fs1, password: a-long-enough-one}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    copy_database(tmp_path)
    found = tmp_path / "cti.yaml"
    found.write_text(CONFIG)
    return found


class Shell:
    def __init__(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._file, self._capsys = file, capsys

    def run(self, *words: str) -> tuple[int, str]:
        status = main(["user", *words, "--config", str(self._file)])
        shown = self._capsys.readouterr()
        return status, shown.out + shown.err


@pytest.fixture
def shell(file: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(file, capsys)


def test_a_person_from_adding_to_disabling(shell: Shell, file: Path) -> None:
    status, text = shell.run("add", "Zoe", "--role", "agent@team:north", "--role", "auditor")
    assert (status, text.splitlines()[0]) == (0, "added zoe: agent@team:north auditor@*")
    first = text.splitlines()[1].removeprefix("one-time password: ")
    _, text = shell.run("passwd", "zoe")
    assert first not in text
    assert shell.run("role", "zoe", "supervisor@queue:service") == (0, "zoe: supervisor@queue:service\n")
    assert shell.run("disable", "zoe") == (0, "zoe is disabled\n")
    assert shell.run("list")[1].splitlines()[1].split() == [
        "zoe", "Zoe", "person", "disabled", "supervisor@queue:service"
    ]  # fmt: skip
    assert shell.run("enable", "zoe")[0] == shell.run("unlock", "zoe")[0] == 0
    with open_accounts(load_settings(file)) as accounts:
        lines = accounts.store.audit.lines(limit=9)
    assert [line.action for line in lines] == [
        "user.unlock", "user.enable", "user.disable", "user.roles", "user.one_time_password", "user.add"
    ]  # fmt: skip
    assert all(line.author.via.startswith("cli:") and line.reason == "command line" for line in lines)


def test_a_machine_and_its_keys(shell: Shell) -> None:
    assert shell.run("add", "robot", "--machine")[1] == "added robot: no role yet (cti user role)\n"
    _, text = shell.run("key", "robot", "--title", "reports", "--days", "30")
    key_id = text.removeprefix("X-API-Key: ctik_").split("_")[0]
    _, text = shell.run("key", "robot", "--list")
    assert text.split()[:2] == [key_id, "works"]
    assert shell.run("key", "robot", "--revoke", key_id) == (0, f"key {key_id} is revoked\n")
    assert shell.run("key", "robot", "--list")[1].split()[1] == "revoked"


def test_an_agent_is_made_and_changed_where_something_is_given(shell: Shell, file: Path) -> None:
    shell.run("add", "zoe")
    assert "[missing-team]" in shell.run("agent", "zoe", "--phone", "1004")[1]
    made = ("agent", "zoe", "--team", "north", "--phone", "1004", "--skill", "billing=7", "--chats", "2")
    assert shell.run(*made) == (0, "agent 1004: team north, phone 1004, billing=7\n")
    shell.run("agent", "zoe", "--wrapup", "15", "--remote-answer", "talk_event", "--chats", "0")
    with open_accounts(load_settings(file)) as accounts:
        found = accounts.store.agents.list_agents()
    assert found == [
        AgentProfile(
            "1004", found[0].user_id, "zoe", "north", {"billing": 7}, {"call": 1, "chat": 0}, frozenset(), "1004",
            RemoteAnswer.TALK_EVENT, 15.0,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("passwd", "nobody"), "unknown-user"),
        (("add", "a b"), "bad-name"),
        (("add", "zoe", "--role", "boss"), "bad-role"),
        (("add", "zoe", "--role", "agent@north"), "bad-scope"),
        (("add", "root"), "name-taken"),
        (("role", "root", "agent"), "last-admin"),
        (("disable", "root"), "last-admin"),
        (("key", "root", "--revoke", "nope"), "unknown-key"),
        (("agent", "root", "--team", "n", "--skill", "x=11"), "bad-level"),
        (("agent", "root", "--team", "n", "--id", "r", "--phone", "sip:x@y"), "bad-phone"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(
    shell: Shell, file: Path, words: tuple[str, ...], code: str
) -> None:
    shell.run("add", "root", "--role", "admin")
    status, text = shell.run(*words)
    assert (status, f"[{code}]" in text) == (1, True), text
    assert len(shell.run("list")[1].splitlines()) == 2


def test_the_demos_people_come_again_with_other_passwords_and_one_key(file: Path) -> None:
    def start() -> tuple[dict[str, str], str, Accounts]:
        ways = prepare(accounts, file.parent)
        assert ways.key_file.stat().st_mode & 0o777 == 0o600
        return ways.passwords, ways.key_file.read_text(), accounts

    with open_accounts(load_settings(file)) as accounts:
        accounts.first_admin()
        first, first_key, _ = start()
        second, second_key, _ = start()
        machine = accounts.store.people.find_user_named("demo-client")
        assert machine is not None
        assert [key.revoked_at is None for key in accounts.store.keys.keys_of(machine.user_id)].count(True) == 1
        assert [agent.agent_id for agent in accounts.store.agents.list_agents()] == ["1001", "1002", "1003"]
    assert set(first) == set(second) == set(PEOPLE) > set(AGENTS)
    assert not set(first.values()) & set(second.values())
    assert first_key != second_key


def test_a_new_password_for_an_agents_phone(shell: Shell, file: Path) -> None:
    shell.run("add", "zoe", "--role", "agent@team:north")
    assert "[unknown-agent]" in shell.run("phone-password", "zoe")[1]
    shell.run("agent", "zoe", "--team", "north", "--phone", "1004")
    status, text = shell.run("phone-password", "zoe")
    password = text.splitlines()[0].removeprefix("phone 1004: password ")
    assert status == 0
    with open_accounts(load_settings(file)) as accounts:
        assert accounts.store.agents.sip_password("1004") == password
        line = accounts.store.audit.lines(limit=1)[0]
    assert (line.action, line.target, line.permission) == ("phone.rotate", "agent:1004", "phones.rotate")
