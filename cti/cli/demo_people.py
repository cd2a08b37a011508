"""Who can sign in to the demo: somebody of every role, with passwords made anew at every start and printed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cti.core.access import SYSTEM, Grant
from cti.core.people import AgentProfile, RemoteAnswer, Team, UserKind
from cti.runtime.passwords import one_time_password

if TYPE_CHECKING:
    from pathlib import Path

    from cti.core.access import Deed
    from cti.core.people import User
    from cti.runtime.accounts import Accounts

TEAM = "service"
#: name -> (title, role)
PEOPLE = {
    "admin": ("Administrator", "admin"),
    "lead": ("Team lead", f"team_lead@team:{TEAM}"),
    "supervisor": ("Supervisor", "supervisor"),
    "author": ("Flow author", "flow_author"),
    "auditor": ("Auditor", "auditor"),
    "anna": ("Anna", f"agent@team:{TEAM}"),
    "ben": ("Ben", f"agent@team:{TEAM}"),
    "chen": ("Chen", f"agent@team:{TEAM}"),
}
#: name -> (phone, skills)
AGENTS = {
    "anna": ("1001", {"billing": 8, "lang.zh-CN": 9, "lang.en-US": 3}),
    "ben": ("1002", {"billing": 4, "lang.zh-CN": 6, "lang.en-US": 9}),
    "chen": ("1003", {"lang.zh-CN": 9}),
}
SKILLS = {"billing": "Billing", "lang.zh-CN": "Chinese", "lang.en-US": "English"}
MACHINE = "demo-client"
MACHINE_ROLES = ("supervisor", "flow_author")


@dataclass(frozen=True, slots=True)
class WaysIn:
    """``passwords``: name -> password; ``key_file`` holds the API key alone, for its owner only."""

    passwords: dict[str, str]
    key_file: Path


def prepare(accounts: Accounts, folder: Path) -> WaysIn:
    """Add who is missing, give everybody a new password and the machine a new key; the old key stops."""
    deed = accounts.deed(SYSTEM, reason="demo")
    passwords = {}
    for name, (title, role) in PEOPLE.items():
        user = _user(accounts, name, title, [role], UserKind.PERSON, deed)
        passwords[name] = one_time_password()
        accounts.set_password(user.user_id, passwords[name], deed)
    _agents(accounts, deed)
    machine = _user(accounts, MACHINE, "Demo client", list(MACHINE_ROLES), UserKind.MACHINE, deed)
    for old in accounts.store.keys.keys_of(machine.user_id):
        accounts.revoke_key(machine.user_id, old.key_id, deed)
    _, text = accounts.add_key(machine.user_id, "this run of the demo", deed)
    file = folder / "api-key"
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
        out.write(text + "\n")
    return WaysIn(passwords, file)


def _user(accounts: Accounts, name: str, title: str, roles: list[str], kind: UserKind, deed: Deed) -> User:
    found = accounts.store.people.find_user_named(name)
    if found is not None:
        return found
    return accounts.add_user(name, [Grant.parse(role) for role in roles], deed, title=title, kind=kind)[0]


def _agents(accounts: Accounts, deed: Deed) -> None:
    store = accounts.store
    missing = [name for name, (phone, _) in AGENTS.items() if store.agents.find(phone) is None]
    if not missing:
        return
    store.people.save_team(Team(TEAM, "Service"), deed)
    for skill, title in SKILLS.items():
        store.agents.save_skill(skill, title, deed)
    profiles = []
    for name in missing:
        user = store.people.find_user_named(name)
        assert user is not None
        phone, skills = AGENTS[name]
        profiles.append(
            AgentProfile(
                phone, user.user_id, user.title, TEAM, skills, {"call": 1, "chat": 2}, frozenset({"chat"}), phone,
                RemoteAnswer.AUTO_ANSWER, 10.0,
            )
        )  # fmt: skip
    store.agents.save(profiles, deed)


def show(ways: WaysIn, port: int) -> None:
    print("== sign in (POST /v1/sessions) as")
    for name, password in ways.passwords.items():
        print(f"     {name:<11} {password}   {PEOPLE[name][1]}")
    print("   or with the API key of this run:")
    print(f'     curl -s -H "X-API-Key: $(cat {ways.key_file})" http://127.0.0.1:{port}/v1/calls?limit=2', flush=True)
