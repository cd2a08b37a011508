"""API commands with which agents' legs are handled."""

from __future__ import annotations

from cti.switch.embedded import conference as rooms
from cti.switch.embedded.api import NO_CHANNEL, api
from cti.switch.embedded.core import Core
from cti.switch.embedded.phones import PhoneLeg

AUDIO_USAGE = "-USAGE: <uuid> [start [read|write] [mute|level] <level>|stop]\n"


@api("uuid_audio")
def uuid_audio(core: Core, argument: str) -> str:
    """Only ``read mute`` changes anything: there is no sound whose level could be changed."""
    words = argument.split()
    if len(words) < 2:
        return AUDIO_USAGE
    channel = core.find(words[0])
    if channel is None:
        return NO_CHANNEL
    if words[1] == "stop":
        channel.muted = False
        return "+OK\n"
    if words[1] != "start" or len(words) < 5 or words[2] not in {"read", "write"} or words[3] not in {"mute", "level"}:
        return AUDIO_USAGE
    if words[2:4] == ["read", "mute"]:
        channel.muted = words[4] not in {"0", ""}
    return "+OK\n"


@api("uuid_phone_event")
def uuid_phone_event(core: Core, argument: str) -> str:
    """``<uuid> talk``: a NOTIFY with which a phone that can answers."""
    words = argument.split()
    if not words:
        return "-USAGE: <uuid> [talk|hold]\n"
    channel = core.find(words[0])
    if channel is None:
        return "-ERR Operation failed\n"
    if words[1:] != ["hold"] and isinstance(channel.far, PhoneLeg):
        channel.far.talk()
    return "+OK Success\n"


@api("conference")
def conference(core: Core, argument: str) -> str:
    return rooms.command(core, argument)
