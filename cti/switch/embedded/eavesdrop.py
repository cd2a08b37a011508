"""`eavesdrop` (switch_ivr_async.c), and who hears whom: no sound here, but it is known who is mixed to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.switch.embedded.apps import app
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.task import FRAME_S, NEVER, Steps

if TYPE_CHECKING:
    from cti.switch.embedded.core import Core

#: Commands: whether the far party (the read stream of the target), and whether the target, hears the eavesdropper.
MIX = {"0": (False, False), "1": (True, False), "2": (False, True), "3": (True, True)}


class Spying:
    """One eavesdropper on one target. Commands are read once a frame."""

    def __init__(self, channel: Channel, target: Channel, *, far: bool, near: bool) -> None:
        self.channel, self.target = channel, target
        self.far, self.near = far, near
        self.over = False

    def command(self, text: str) -> None:
        for key in text:
            if key in MIX:
                self.far, self.near = MIX[key]
            elif key == "*":
                self.over = True
        self.channel.poke()


@app("eavesdrop", needs_media=True)
def eavesdrop(channel: Channel, argument: str) -> Steps[None]:
    """Until the target is gone, the eavesdropper is sent elsewhere, or `*`. A break does not end it."""
    target = channel.core.find(argument.strip())
    if target is None or target is channel or not target.has_media:
        return
    keys = channel.getvar("eavesdrop_enable_dtmf") is None or channel.is_true("eavesdrop_enable_dtmf")
    spying = channel.spying = Spying(
        channel, target, far=channel.is_true("eavesdrop_whisper_aleg"), near=channel.is_true("eavesdrop_whisper_bleg")
    )
    about = [("Media-Bug-Function", "eavesdrop"), ("Media-Bug-Target", target.uuid)]
    target.fire("MEDIA_BUG_START", about)
    target.spies.append(spying)
    channel.watches(target)
    try:
        while channel.ready() and target.up() and not spying.over:
            yield channel.core.clock.now() + FRAME_S if channel.dtmf and keys else NEVER
            if keys and channel.dtmf and channel.ready():
                spying.command(channel.dtmf.popleft()[0])
    finally:
        channel.spying = None
        channel.unwatch(target)
        target.spies.remove(spying)
        if target.up():
            target.fire("MEDIA_BUG_STOP", about)


def hears(core: Core, listener: Channel, speaker: Channel) -> bool:
    """Does what ``speaker`` says reach ``listener``?"""
    if speaker.muted or listener is speaker or not (speaker.has_media and listener.has_media):
        return False
    if _talks(core, listener, speaker):
        return True
    spying = listener.spying
    if spying is not None and (speaker is spying.target or _talks(core, spying.target, speaker)):
        return True
    if speaker.spying is not None:
        mine = speaker.spying
        if mine.near and listener is mine.target:
            # Mixed into what is sent to the target, which is something only while somebody talks to it.
            return core.find(mine.target.partner) is not None or mine.target.room is not None
        return mine.far and _talks(core, listener, mine.target)
    return False


def _talks(core: Core, one: Channel, other: Channel) -> bool:
    if one.partner == other.uuid and one.bridged and other.bridged:
        return True
    room = one.room
    return room is not None and room is other.room and room.number(other) not in room.muted
