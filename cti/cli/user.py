"""`cti user`: who may come in, with which roles; passwords and API keys. A running engine notices within seconds."""

from __future__ import annotations

import argparse
import getpass
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cti.cli import user_agent, user_import
from cti.cli.common import add_config, settings_of
from cti.core.access import Author, Grant, Permission
from cti.core.errors import CtiError
from cti.core.people import UserKind, grants_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.core.people import User
    from cti.runtime.accounts import Accounts

COLUMNS = "{:<20} {:<24} {:<8} {:<9} {}"
_DAY_S = 86_400.0


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("user", help="users, roles, passwords and API keys", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    _verb(verbs, "list", list_users, "all users, by name", named=False)
    adding = _verb(verbs, "add", add_user, "add a user; prints a person's one-time password")
    adding.add_argument("--title", default="", help="what others see")
    adding.add_argument("--machine", action="store_true", help="comes in with API keys, has no password")
    adding.add_argument("--role", action="append", default=[], metavar="ROLE[@SCOPE]", help="such as agent@team:north")
    roles = _verb(verbs, "role", set_roles, "set all of a user's roles; without any, take them away")
    roles.add_argument("roles", nargs="*", metavar="ROLE[@SCOPE]", help="such as supervisor@queue:service")
    _verb(verbs, "passwd", reset_password, "a new one-time password; the user's sessions end")
    _verb(verbs, "disable", disable, "sessions end, keys stop")
    _verb(verbs, "enable", enable, "undo disable")
    _verb(verbs, "unlock", unlock, "the next sign-in need not wait for failed ones")
    keys = _verb(verbs, "key", key, "a new API key, printed once; or list and revoke")
    keys.add_argument("--title", default="cti user key", help="what it is for")
    keys.add_argument("--days", type=_days, metavar="N", help="how long it works (default: until it is revoked)")
    keys.add_argument("--list", action="store_true", help="show the user's keys")
    keys.add_argument("--revoke", metavar="ID", help="stop this key")
    _verb(verbs, "phone-password", phone_password, "a new password for the agent's phone, printed once")
    user_import.add_to(verbs)
    user_agent.add_options(_verb(verbs, "agent", set_agent, "set a user's agent profile"))


def _verb(verbs: Any, name: str, run: Any, help_: str, *, named: bool = True) -> argparse.ArgumentParser:
    found: argparse.ArgumentParser = verbs.add_parser(name, help=help_)
    if named:
        found.add_argument("name")
    add_config(found)
    found.set_defaults(run=run)
    return found


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to 3650, not {text[:20]!r}")
    return int(text)


def list_users(options: argparse.Namespace) -> int:
    print(COLUMNS.format("name", "title", "kind", "state", "roles"))
    with _accounts(options) as accounts:
        after = None
        while page := accounts.store.people.list_users(limit=500, after=after):
            for user in page:
                print(
                    COLUMNS.format(user.name, user.title, user.kind, _state(user), " ".join(grants_text(user.grants)))
                )
            after = page[-1].name
    return 0


def _state(user: User) -> str:
    if user.disabled_at is not None:
        return "disabled"
    return "one-time" if user.one_time_until is not None else "ok"


def add_user(options: argparse.Namespace) -> int:
    kind = UserKind.MACHINE if options.machine else UserKind.PERSON
    grants = [Grant.parse(text) for text in options.role]
    with _accounts(options) as accounts:
        deed = _deed(accounts, Permission.USERS_EDIT)
        user, password = accounts.add_user(options.name, grants, deed, title=options.title, kind=kind)
    print(f"added {user.name}: {' '.join(grants_text(user.grants)) or 'no role yet (cti user role)'}")
    if password is not None:
        _print_one_time(password)
    return 0


def set_roles(options: argparse.Namespace) -> int:
    grants = [Grant.parse(text) for text in options.roles]
    with _accounts(options) as accounts:
        user = _named(accounts, options.name)
        user = accounts.set_grants(user.user_id, grants, _deed(accounts, Permission.ROLES_GRANT))
    print(f"{user.name}: {' '.join(grants_text(user.grants)) or 'no role'}")
    return 0


def reset_password(options: argparse.Namespace) -> int:
    with _accounts(options) as accounts:
        user = _named(accounts, options.name)
        password = accounts.reset_password(user.user_id, _deed(accounts, Permission.USERS_EDIT))
    _print_one_time(password)
    return 0


def disable(options: argparse.Namespace) -> int:
    return _set_disabled(options, disabled=True)


def enable(options: argparse.Namespace) -> int:
    return _set_disabled(options, disabled=False)


def _set_disabled(options: argparse.Namespace, *, disabled: bool) -> int:
    with _accounts(options) as accounts:
        user = _named(accounts, options.name)
        accounts.set_disabled(user.user_id, disabled, _deed(accounts, Permission.USERS_EDIT))
    print(f"{user.name} is {'disabled' if disabled else 'enabled'}")
    return 0


def unlock(options: argparse.Namespace) -> int:
    with _accounts(options) as accounts:
        user = _named(accounts, options.name)
        accounts.unlock(user.user_id, _deed(accounts, Permission.USERS_EDIT))
    print(f"{user.name} may sign in at once")
    return 0


def key(options: argparse.Namespace) -> int:
    with _accounts(options) as accounts:
        user = _named(accounts, options.name)
        if options.list:
            for one in accounts.store.keys.keys_of(user.user_id):
                state = "revoked" if one.revoked_at is not None else "works"
                print(f"{one.key_id}  {state:<8} {_day(one.created_at)}  used {_day(one.used_at)}  {one.title}")
            return 0
        deed = _deed(accounts, Permission.KEYS_EDIT)
        if options.revoke:
            accounts.revoke_key(user.user_id, options.revoke, deed)
            print(f"key {options.revoke} is revoked")
            return 0
        ends = None if options.days is None else deed.at + options.days * _DAY_S
        _, text = accounts.add_key(user.user_id, options.title, deed, expires_at=ends)
    print(f"X-API-Key: {text}")
    return 0


def set_agent(options: argparse.Namespace) -> int:
    with _accounts(options) as accounts:
        user = _named(accounts, options.name)
        profile = user_agent.save(accounts, user, options, _deed(accounts, Permission.AGENTS_EDIT))
    skills = " ".join(f"{skill}={level}" for skill, level in sorted(profile.skills.items()))
    print(f"agent {profile.agent_id}: team {profile.team}, phone {profile.phone or 'none'}, {skills or 'no skills'}")
    return 0


def phone_password(options: argparse.Namespace) -> int:
    with _accounts(options) as accounts:
        user = _named(accounts, options.name)
        profile = accounts.store.agents.find_of_user(user.user_id)
        if profile is None:
            raise CtiError(f"{user.name} is no agent", code="unknown-agent", remedy="`cti user agent` makes one")
        deed = _deed(accounts, Permission.PHONES_ROTATE)
        password = accounts.store.agents.rotate_sip_password(profile.agent_id, deed)
    print(f"phone {profile.phone or 'none yet'}: password {password}")
    print("the old one ends when the phone next registers")
    return 0


@contextmanager
def _accounts(options: argparse.Namespace) -> Iterator[Accounts]:
    from cti.app import open_accounts

    with open_accounts(settings_of(options)) as accounts:
        yield accounts


def _deed(accounts: Accounts, permission: Permission) -> Any:
    """Who may run this program on the database's files needs no other permission; the audit says who it was."""
    login = getpass.getuser()
    return accounts.deed(Author("cli", login, f"cli:{login}"), permission, "command line")


def _named(accounts: Accounts, name: str) -> User:
    found = accounts.store.people.find_user_named(name)
    if found is None:
        raise CtiError(f"there is no user {name!r}", code="unknown-user", remedy="`cti user list` shows them")
    return found


def _print_one_time(password: str) -> None:
    print(f"one-time password: {password}")
    print("good for 3 days; it must be changed at the first sign-in")


def _day(at: float | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
