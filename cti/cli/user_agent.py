"""`cti user agent`: the agent profile of a user."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from cti.core.errors import CtiError
from cti.core.people import AgentProfile, RemoteAnswer, Team, check_profile

if TYPE_CHECKING:
    from cti.core.access import Deed
    from cti.core.people import User
    from cti.runtime.accounts import Accounts


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is not given stays as it is."""
    parser.add_argument("--id", dest="agent_id", help="of the agent (default: the phone, else the user's name)")
    parser.add_argument("--team", help="is added when there is none of this name")
    parser.add_argument("--phone", help="extension or number")
    parser.add_argument("--skill", action="append", type=_level, metavar="NAME=LEVEL", help="1 to 10; all of them")
    parser.add_argument("--chats", type=int, metavar="N", help="chats at once, also beside a call")
    parser.add_argument("--remote-answer", choices=[way.value for way in RemoteAnswer])
    parser.add_argument("--wrapup", type=float, metavar="SECONDS", help="where a queue says nothing else")


def _level(text: str) -> tuple[str, int]:
    name, equals, level = text.partition("=")
    if not equals or not level.isascii() or not level.isdigit():
        raise argparse.ArgumentTypeError(f"NAME=LEVEL, such as billing=7, not {text[:40]!r}")
    return name, int(level)


def save(accounts: Accounts, user: User, options: argparse.Namespace, deed: Deed) -> AgentProfile:
    """Raises CtiError: no team given for a new agent, and what the store raises."""
    store = accounts.store
    found = store.agents.find_of_user(user.user_id)
    if found is None and options.team is None:
        raise CtiError(f"{user.name} is no agent yet", code="missing-team", remedy="give --team")
    new_id = options.agent_id or options.phone or user.name
    profile = found or AgentProfile(new_id, user.user_id, user.title or user.name, options.team)
    if options.team is not None:
        profile = replace(profile, team=options.team)
    if options.skill is not None:
        profile = replace(profile, skills=dict(options.skill))
    if options.phone is not None:
        profile = replace(profile, phone=options.phone)
    if options.chats is not None:
        beside = profile.beside_call | {"chat"} if options.chats else profile.beside_call - {"chat"}
        profile = replace(profile, capacity={**profile.capacity, "chat": options.chats}, beside_call=beside)
    if options.remote_answer is not None:
        profile = replace(profile, remote_answer=RemoteAnswer(options.remote_answer))
    if options.wrapup is not None:
        profile = replace(profile, wrapup_s=options.wrapup)
    check_profile(profile)
    if profile.team not in [team.team for team in store.people.list_teams()]:
        store.people.save_team(Team(profile.team, profile.team), deed)
    for skill in sorted(set(profile.skills) - set(store.agents.list_skills())):
        store.agents.save_skill(skill, skill, deed)
    return store.agents.save([profile], deed)[0]
