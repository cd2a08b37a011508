"""API commands about one call."""

from __future__ import annotations

from cti.switch.embedded import session
from cti.switch.embedded.api import NO_CHANNEL, api
from cti.switch.embedded.causes import cause_from_text
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.core import Core
from cti.switch.embedded.ends import broadcast_message

NO_SESSION = "-ERR Cannot locate session!\n"


def separate(text: str) -> list[str]:
    """switch_separate_string with blanks: quotes ``'`` group, brackets ``{}`` do not."""
    words: list[str] = []
    current, quoted, depth = "", False, 0
    for char in text:
        if char == "'":
            quoted = not quoted
            if depth:
                current += char
            continue
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(char, 0)
        if char == " " and not quoted:
            if current:
                words.append(current)
            current = ""
        else:
            current += char
    return [*words, current] if current else words


@api("uuid_exists")
def uuid_exists(core: Core, argument: str) -> str:
    return "true" if argument in core.channels else "false"


@api("uuid_getvar")
def uuid_getvar(core: Core, argument: str) -> str:
    words = argument.split(" ")
    if len(words) < 2 or not words[0]:
        return "-USAGE: <uuid> <var>\n"
    channel = core.find(words[0])
    if channel is None:
        return NO_CHANNEL
    value = channel.getvar(words[1])
    return "_undef_" if value is None else value


@api("uuid_setvar")
def uuid_setvar(core: Core, argument: str) -> str:
    words = argument.split(" ", 2)
    if len(words) < 2 or not words[0]:
        return "-USAGE: <uuid> <var> [value]\n"
    channel = core.find(words[0])
    if channel is None:
        return NO_CHANNEL
    if not words[1]:
        return "-ERR No variable specified\n"
    channel.setvar(words[1], words[2] if len(words) > 2 else None)
    return "+OK\n"


SETVAR_MULTI_USAGE = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"


@api("uuid_setvar_multi")
def uuid_setvar_multi(core: Core, argument: str) -> str:
    uuid, blank, pairs = argument.partition(" ")
    if not blank:
        return SETVAR_MULTI_USAGE
    channel = core.find(uuid)
    if channel is None:
        return NO_CHANNEL + SETVAR_MULTI_USAGE
    reply, done = "", 0
    for pair in pairs.split(";")[:64]:
        name, equals, value = pair.partition("=")
        if not name:
            reply += "-ERR No variable specified\n"
            continue
        channel.setvar(name, value if equals else None)
        done += 1
    return reply + ("+OK\n" if done else SETVAR_MULTI_USAGE)


@api("uuid_dump")
def uuid_dump(core: Core, argument: str) -> str:
    words = argument.split()
    if not words:
        return "-USAGE: <uuid> [format]\n"
    channel = core.channels.get(words[0])
    if channel is None:
        return NO_CHANNEL
    event = core.bus.build("CHANNEL_DATA", channel.blocks("CHANNEL_DATA"))
    fmt = words[1].lower() if len(words) > 1 else "txt"
    if fmt == "json":
        return event.json()
    if fmt == "xml":
        return event.xml()
    if fmt == "plain":
        return "".join(f"{name}: {value}\n" for name, value in event.headers()) + "\n"
    return event.plain().decode()


@api("uuid_kill")
def uuid_kill(core: Core, argument: str) -> str:
    if not argument:
        return "-USAGE: <uuid> [cause]\n"
    uuid, _, cause = argument.partition(" ")
    channel = core.find(uuid)
    if channel is None:
        return NO_CHANNEL
    channel.hangup(cause_from_text(cause) if cause else "NORMAL_CLEARING")
    return "+OK\n"


@api("uuid_broadcast")
def uuid_broadcast(core: Core, argument: str) -> str:
    words = separate(argument)
    if len(words) < 2:
        return "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"
    channel = core.find(words[0])
    if channel is None:
        return "-ERR invalid uuid\n"
    path, leg = words[1], words[2].lower() if len(words) > 2 else "aleg"
    application, separator, rest = path.partition("::")
    if not separator or "://" in application:
        application, rest = "playback", path
    application, bang, cause = application.partition("!")
    if "both" in leg or "bleg" in leg:
        partner = core.find(channel.partner)
        if partner is not None:
            partner.queue(broadcast_message(application, rest))
    if "both" in leg or "aleg" in leg:
        channel.queue(broadcast_message(application, rest, hold_bleg=len(words) < 3 or "holdb" in leg))
    if bang:
        channel.queue(broadcast_message("hangup", cause or "normal_clearing"))
    return "+OK Message sent\n"


@api("uuid_break")
def uuid_break(core: Core, argument: str) -> str:
    if not argument:
        return "-USAGE: <uuid> [all]\n"
    uuid, _, flag = argument.partition(" ")
    channel = core.find(uuid)
    if channel is None:
        return NO_CHANNEL
    partner = core.find(channel.partner) if "both" in flag else None
    for one in (channel, partner):
        if one is None:
            continue
        if "all" in flag:
            one.private.clear()
        if one.broadcast:
            one.stop_broadcast = True
            one.brk = 1
        else:
            one.brk = 2 if "all" in flag else 1
        one.poke()
    return "+OK\n"


@api("uuid_transfer")
def uuid_transfer(core: Core, argument: str) -> str:
    words = argument.split()
    if len(words) < 2 or len(words) > 5:
        return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
    channel = core.find(words[0])
    if channel is None:
        return NO_CHANNEL
    rest = words[1:]
    if rest[0].startswith("-"):
        leg, rest = rest[0].lower(), rest[1:]
        if not rest:
            return "-ERR\n"
        partner = core.find(channel.variables.get("bridge_to", ""))
        if leg == "-bleg" and partner is not None:
            channel = partner
        elif leg == "-both" and partner is not None:
            _transfer(partner, rest)
    _transfer(channel, rest)
    return "+OK\n"


def _transfer(channel: Channel, words: list[str]) -> None:
    dialplan = words[1] if len(words) > 1 else channel.profile.dialplan or "XML"
    context = words[2] if len(words) > 2 else channel.profile.context or "default"
    session.transfer(channel, words[0], dialplan, context)


@api("uuid_bridge")
def uuid_bridge(core: Core, argument: str) -> str:
    words = argument.split()
    if len(words) < 2:
        return "-USAGE: <uuid> <other_uuid>\n"
    for other in words[1:3]:
        a, b = core.find(words[0]), core.find(other)
        if a is not None and b is not None and a is not b and (a.has_media or b.has_media):
            lead, peer = (a, b) if a.has_media else (b, a)
            core.bridging.uuid_bridge(lead, peer)
            return f"+OK {other}\n"
    return "-ERR Invalid uuid\n"


@api("uuid_hold")
def uuid_hold(core: Core, argument: str) -> str:
    words = argument.split()
    if not words:
        return "-USAGE: [off|toggle] <uuid> [<display>]\n-ERR Operation failed\n"
    verb = words[0].lower() if words[0].lower() in {"off", "toggle"} and len(words) > 1 else ""
    channel = core.find(words[1] if verb else words[0])
    if channel is not None:
        on = {"off": False, "toggle": not channel.on_hold}.get(verb, True)
        core.bridging.hold(channel, on)
    return "+OK Success\n"


@api("uuid_park")
def uuid_park(core: Core, argument: str) -> str:
    if not argument:
        return "-USAGE: <uuid>\n"
    channel = core.find(argument)
    if channel is None:
        return NO_CHANNEL
    core.bridging.park(channel)
    return "+OK\n"


@api("uuid_answer")
def uuid_answer(core: Core, argument: str) -> str:
    channel = core.find(argument)
    return "+OK\n" if channel is not None and channel.answer() else "-ERROR\n"


@api("uuid_pre_answer")
def uuid_pre_answer(core: Core, argument: str) -> str:
    channel = core.find(argument)
    if channel is None:
        return "-ERROR\n"
    channel.pre_answer()
    return "+OK\n"


@api("uuid_send_dtmf")
def uuid_send_dtmf(core: Core, argument: str) -> str:
    words = argument.split()
    if len(words) < 2:
        return "-USAGE: <uuid> <dtmf_data>\n"
    channel = core.find(words[0])
    if channel is None:
        return NO_SESSION
    for digit in words[1].partition("@")[0]:
        channel.far.dtmf(digit)
    return f"+OK {words[0]} sent DTMF {words[1]}.\n"


@api("uuid_recv_dtmf")
def uuid_recv_dtmf(core: Core, argument: str) -> str:
    words = argument.split()
    if len(words) < 2:
        return "-USAGE: <uuid> <dtmf_data>\n"
    channel = core.find(words[0])
    if channel is None:
        return NO_SESSION
    core.type_keys(channel, words[1].partition("@")[0], "APP")
    return f"+OK {words[0]} received DTMF {words[1]}.\n"


@api("uuid_flush_dtmf")
def uuid_flush_dtmf(core: Core, argument: str) -> str:
    channel = core.find(argument)
    if channel is None:
        return "-ERR No such session\n"
    channel.dtmf.clear()
    return "+OK\n"


@api("uuid_deflect")
def uuid_deflect(core: Core, argument: str) -> str:
    uuid, _, uri = argument.partition(" ")
    if not uuid or not uri:
        return "-USAGE: <uuid> <uri>\n"
    channel = core.find(uuid)
    if channel is None:
        return f"-ERR No such channel {uuid}!\n"
    channel.hangup("BLIND_TRANSFER")
    return "+OK:202 Accepted\n"
