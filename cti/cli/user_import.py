"""`cti user import`: users with their agent profiles from a table, as another platform exports them."""

from __future__ import annotations

import argparse
import csv
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cti.cli.calendars import read_text, tell
from cti.cli.common import add_config, author, settings_of
from cti.core.access import Grant, Permission
from cti.core.errors import ConfigError, CtiError
from cti.core.issue import Place
from cti.core.people import AgentProfile, RemoteAnswer, Team, UserKind, check_name, check_profile, check_title

if TYPE_CHECKING:
    from cti.api.tables import Line, Table
    from cti.runtime.accounts import Accounts

COLUMNS = ("user", "title", "roles", "agent_id", "team", "phone", "skills", "capacity", "wrapup_s", "remote_answer")
MOST, MOST_BYTES = 5000, 8 << 20


@dataclass(frozen=True, slots=True)
class Person:
    """``profile`` None: no agent; its ``user_id`` is filled in when the user is there."""

    line: int
    name: str
    title: str
    grants: tuple[Grant, ...]
    profile: AgentProfile | None


def add_to(verbs: Any) -> None:
    verb = verbs.add_parser(
        "import",
        help="users with their agent profiles, as CSV, all or none; - reads the input",
        description=f"{__doc__} Columns: {', '.join(COLUMNS)}; user must be there. roles as agent@team:north, apart by "
        "blanks; skills as billing:3. Teams and skills that are new are added. Who is there keeps roles and password, "
        "and gets the profile.",
    )
    verb.add_argument("file", metavar="FILE")
    verb.add_argument("--check", action="store_true", help="say what is wrong, change nothing")
    verb.add_argument("--passwords", metavar="FILE", help="where the one-time passwords of new users are written to")
    verb.set_defaults(run=take)
    add_config(verb)


def take(options: argparse.Namespace) -> int:
    """Exit status 1 with findings; nothing has changed then."""
    from cti.api.tables import Table
    from cti.app import open_accounts

    if not options.check and not options.passwords:
        raise ConfigError("where do the one-time passwords go?", code="missing-option", remedy="give --passwords FILE")
    table = Table(read_text(options.file, MOST_BYTES), COLUMNS, COLUMNS[:1], MOST)
    people = _read(table)
    with open_accounts(settings_of(options)) as accounts:
        _judge(accounts, people, table)
        if tell(options.file, table):
            return 1
        if options.check:
            print(f"{len(people)} users are good; nothing has changed")
            return 0
        passwords = _save(accounts, people, options.passwords)
    print(f"{len(people)} users: {passwords} new, their one-time passwords are in {options.passwords}")
    return 0


def _read(table: Table) -> list[Person]:
    people: dict[str, Person] = {}
    for line in table.lines():
        try:
            person = _person(line)
        except CtiError as error:
            remedy = f" ({error.remedy})" if error.remedy else ""
            table.report(line.number, "", f"{error.message}{remedy}", error.code)
            continue
        except ValueError as error:
            table.report(line.number, "", str(error), "bad-csv")
            continue
        if person.name in people:
            table.report(line.number, "user", f"line {people[person.name].line} has it already", "duplicate-key")
        people[person.name] = person
    return list(people.values())


def _person(line: Line) -> Person:
    """Raises CtiError, ValueError."""
    from cti.api.agent_bulk import numbers_of

    cells = line.cells
    name = check_name(cells["user"], "user name").lower()
    check_title(cells["title"])
    grants = tuple(Grant.parse(text) for text in cells["roles"].split())
    if not (cells["agent_id"] or cells["phone"] or cells["team"]):
        return Person(line.number, name, cells["title"], grants, None)
    profile = AgentProfile(
        cells["agent_id"] or cells["phone"] or name, "", cells["title"] or name, cells["team"],
        numbers_of(cells["skills"]), numbers_of(cells["capacity"]) or {"call": 1}, frozenset(), cells["phone"],
        _answer(cells["remote_answer"] or "none"), _seconds(cells["wrapup_s"] or "0"),
    )  # fmt: skip
    check_profile(profile)
    return Person(line.number, name, cells["title"], grants, profile)


def _answer(text: str) -> RemoteAnswer:
    """Raises CtiError (bad-option)."""
    if text not in [one.value for one in RemoteAnswer]:
        raise CtiError(f"remote_answer {text[:40]!r} is none of {', '.join(RemoteAnswer)}", code="bad-option")
    return RemoteAnswer(text)


def _seconds(text: str) -> float:
    """Raises CtiError (bad-wrapup)."""
    try:
        return float(text)
    except ValueError:
        raise CtiError(f"wrapup_s {text[:40]!r} is no number of seconds", code="bad-wrapup") from None


def _judge(accounts: Accounts, people: list[Person], table: Table) -> None:
    """Agent ids and phones belong to one agent each, in the file and with those who are there."""
    users = {one.name: accounts.store.people.find_user_named(one.name) for one in people}
    there = accounts.store.agents.list_agents()
    held: dict[tuple[str, str], str] = {}
    for one in there:
        user = accounts.store.people.find_user(one.user_id)
        name = user.name if user is not None else ""
        held["agent_id", one.agent_id] = name
        if one.phone:
            held["phone", one.phone] = name
    for person in people:
        user = users[person.name]
        if user is not None and user.kind is not UserKind.PERSON:
            table.report(person.line, "user", f"{person.name} is a machine", "bad-option")
        if person.profile is None:
            continue
        for column, value in (("agent_id", person.profile.agent_id), ("phone", person.profile.phone)):
            owner = held.setdefault((column, value), person.name) if value else person.name
            if owner != person.name:
                table.report(person.line, column, f"{column} {value} is {owner or 'another user'}'s", "conflict")


def _save(accounts: Accounts, people: list[Person], passwords: str) -> int:
    """How many users are new. Their passwords are in the file before anything else is done with them."""
    deed = accounts.deed(author(), Permission.USERS_EDIT, "command line")
    profiles, new = [], 0
    with os.fdopen(_new_file(passwords), "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("user", "one_time_password"))
        for person in people:
            user = accounts.store.people.find_user_named(person.name)
            if user is None:
                user, password = accounts.add_user(person.name, person.grants, deed, title=person.title)
                out.writerow((user.name, password))
                file.flush()
                new += 1
            if person.profile is not None:
                profiles.append(replace(person.profile, user_id=user.user_id))
    _prepare(accounts, profiles)
    accounts.store.agents.save(profiles, accounts.deed(author(), Permission.AGENTS_EDIT, "command line"))
    return new


def _new_file(name: str) -> int:
    """For its owner only. Raises ConfigError (unwritable-file); nothing has changed then."""
    try:
        return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(
            f"the one-time passwords cannot be written there: {error.strerror}", code="unwritable-file",
            place=Place(name), remedy="give --passwords the name of a new file, in a folder that is there",
        ) from error  # fmt: skip


def _prepare(accounts: Accounts, profiles: list[AgentProfile]) -> None:
    """Teams and skills that the profiles name, where they are new."""
    store = accounts.store
    teams = {one.team for one in profiles} - {team.team for team in store.people.list_teams()}
    for team in sorted(teams):
        store.people.save_team(Team(team, team), accounts.deed(author(), Permission.AGENTS_EDIT, "command line"))
    skills = {name for one in profiles for name in one.skills} - store.agents.list_skills().keys()
    if skills:
        deed = accounts.deed(author(), Permission.SKILLS_EDIT, "command line")
        store.agents.save_skills({name: name for name in sorted(skills)}, deed)
