"""mod_conference as far as a platform of ours needs it: rooms of callers, told by ``conference::maintenance``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cti.switch.embedded import session
from cti.switch.embedded.apps import app
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.task import NEVER, Steps
from cti.switch.embedded.wire import Block, Header

if TYPE_CHECKING:
    from cti.switch.embedded.core import Core

MAINTENANCE = "conference::maintenance"


@dataclass(slots=True)
class Room:
    name: str
    profile: str
    uuid: str
    members: dict[int, Channel] = field(default_factory=dict)
    kicked: set[int] = field(default_factory=set)
    muted: set[int] = field(default_factory=set)
    count: int = 0

    def number(self, channel: Channel) -> int:
        return next((number for number, member in self.members.items() if member is channel), 0)


def _tell(core: Core, room: Room, action: str, channel: Channel | None = None) -> None:
    about: list[Header] = [
        ("Conference-Name", room.name),
        ("Conference-Size", str(len(room.members))),
        ("Conference-Profile-Name", room.profile),
        ("Conference-Unique-ID", room.uuid),
    ]

    def blocks() -> list[Block]:
        if channel is None:
            return [Block([*about, ("Action", action)])]
        member: list[Header] = [("Member-ID", str(room.number(channel))), ("Member-Type", "member")]
        # Of the channel without its variables, as 1.10.12 does whatever `verbose-channel-events` says.
        return [Block(about), *channel.blocks("CONFERENCE"), Block([*member, ("Action", action)])]

    core.bus.fire("CUSTOM", blocks, subclass=MAINTENANCE)


@app("conference", needs_media=True)
def conference(channel: Channel, argument: str) -> Steps[None]:
    """``name@profile``: until kicked, hung up or sent elsewhere; keys are told, and do nothing."""
    core = channel.core
    name, _, profile = argument.partition("@")
    room = core.rooms.get(name)
    if room is None:
        room = core.rooms[name] = Room(name, profile or "default", core.new_uuid())
        _tell(core, room, "conference-create")
    channel.answer()
    room.count += 1
    number = room.count
    room.members[number] = channel
    channel.room = room
    channel.setvar("conference_call_key", f"conference_{name}")
    _tell(core, room, "add-member", channel)
    try:
        while channel.ready() and number not in room.kicked:
            yield NEVER
            if channel.ready() and number not in room.kicked:
                session.take_digit(channel)
    finally:
        _tell(core, room, "del-member", channel)
        room.members.pop(number, None)
        room.kicked.discard(number)
        channel.room = None
        channel.setvar("conference_call_key", None)
        if not room.members and core.rooms.get(name) is room:
            del core.rooms[name]
            _tell(core, room, "conference-destroy")


def command(core: Core, argument: str) -> str:
    """``<name> list|kick|mute|unmute <number>``."""
    words = argument.split()
    room = core.rooms.get(words[0]) if words else None
    if room is None:
        return f"Conference {words[0] if words else ''} not found\n"
    verb, who = words[1] if len(words) > 1 else "list", words[2] if len(words) > 2 else ""
    if verb == "list":
        return "".join(
            f"{number};{member.name};{member.uuid};{member.profile.name};{member.profile.number};hear|speak;0;0;100\n"
            for number, member in room.members.items()
        )
    number = int(who) if who.isdigit() else 0
    found = room.members.get(number)
    if found is None:
        return f"Non-Existant ID {who}\n"
    if verb == "kick":
        room.kicked.add(number)
        _tell(core, room, "kick-member", found)
        found.poke()
        return f"OK kicked {number}\n"
    if verb in {"mute", "unmute"}:
        (room.muted.add if verb == "mute" else room.muted.discard)(number)
        _tell(core, room, f"{verb}-member", found)
        return f"OK {verb} {number}\n"
    return f"Conference command '{verb}' not found.\n"
