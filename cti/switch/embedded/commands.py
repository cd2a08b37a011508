"""The commands of the event socket, after parse_command in mod_event_socket.c: matched by prefix, in any case."""

from __future__ import annotations

import logging
from collections.abc import Callable

from cti.switch.embedded import (  # noqa: F401 - registers the API commands
    api,
    api_call,
    api_legs,
    api_more,
    api_originate,
    api_record,
    api_uuid,
)
from cti.switch.embedded.client import Client
from cti.switch.embedded.ends import Message
from cti.switch.embedded.names import EVENT_NAMES, SENT_BY_CLIENT, event_name, words
from cti.switch.embedded.task import Task
from cti.switch.embedded.wire import Block, Header

log = logging.getLogger(__name__)

NOT_FOUND = "-ERR command not found"
REPLY_LIMIT = 511  # the real switch builds replies in a buffer of 512 bytes
MYEVENTS = frozenset(
    words(
        """CHANNEL_ANSWER CHANNEL_APPLICATION CHANNEL_BRIDGE CHANNEL_CREATE CHANNEL_DATA CHANNEL_DESTROY
        CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_ORIGINATE
        CHANNEL_UUID CHANNEL_OUTGOING CHANNEL_PARK CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_STATE
        CHANNEL_UNBRIDGE CHANNEL_UNPARK DETECTED_SPEECH DTMF NOTALK TALK"""
    )
)
LOG_NUMBERS = {
    "console": 0, "alert": 1, "crit": 2, "err": 3, "error": 3, "warning": 4, "notice": 5, "info": 6, "debug": 7,
}  # fmt: skip


Handler = Callable[[Client, str, dict[str, str], list[Header], str], str | None]


def run_command(client: Client, line: str, headers: dict[str, str], raw: list[Header], body: str) -> None:
    """Run one command and write its reply."""
    word = line.lower()
    if word.startswith(("exit", "...")):
        client.connection.reply("+OK bye")
        client.connection.end()
        return
    if not client.authenticated:
        _log_in(client, line)
        return
    for prefix, handler in COMMANDS:
        if word.startswith(prefix):
            try:
                reply = handler(client, line[len(prefix) :], headers, raw, body)
            except Exception:  # a bug in one command must not take the connection, or the switch, with it
                log.exception("the command %.80r failed", line)
                reply = "-ERR internal error"
            if reply is not None:
                client.connection.reply(reply[:REPLY_LIMIT] or NOT_FOUND)
            return
    client.connection.reply(NOT_FOUND)


def _log_in(client: Client, line: str) -> None:
    word = line.lower()
    if word.startswith("auth "):
        if line[5:] == client.core.config.password:
            client.authenticated = True
            client.connection.reply("+OK accepted")
            return
    elif not word.startswith("userauth "):
        client.connection.reply(NOT_FOUND)
        return
    client.connection.reply("-ERR invalid")
    client.connection.end()


# ---- events --------------------------------------------------------------------------------------------------------


def _event(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    _, blank, listed = rest.partition(" ")
    known, custom = 0, False
    for index, word in enumerate(listed.split(" ") if blank else []):
        if index == 0 and word.lower() in {"xml", "plain", "json"}:
            client.format = word.lower()
        elif custom:
            if word:
                client.subclasses.add(word)
        else:
            name = event_name(word)
            if name is None:
                continue
            known += 1
            client.names.add(name)
            if name == "ALL":
                client.names.update(EVENT_NAMES)
                client.subclasses.add("*")
            custom = name == "CUSTOM"
    if not known:
        return "-ERR no keywords supplied"
    client.listening = True
    client.changed()
    return f"+OK event listener enabled {client.format}"


def _nixevent(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    _, blank, listed = rest.partition(" ")
    known, custom = 0, False
    for word in listed.split(" ") if blank else []:
        if custom:
            client.subclasses.discard(word)
            continue
        name = event_name(word)
        if name is None:
            continue
        known += 1
        if name == "CUSTOM":
            custom = True
        elif name == "ALL":
            client.names.clear()
        else:
            client.names -= {"ALL", name}
    if not known:
        return "-ERR no keywords supplied"
    client.listening = True
    client.changed()
    return "+OK events nixed"


def _noevents(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    client.connection.drop_events()
    if not client.listening:
        return "-ERR not listening for events"
    client.listening = False
    client.names.clear()
    client.subclasses.clear()
    client.changed()
    return "+OK no longer listening for events"


def _filter(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    name, blank, value = rest.lstrip(" ").partition(" ")
    if name.lower() == "delete" and blank:
        name, _, value = value.partition(" ")
        client.filters.delete(name, value)
        return f"+OK filter deleted. [{name}][{value}]"
    if not blank:
        return "-ERR invalid syntax"
    if name.lower() == "add":
        name, _, value = value.partition(" ")
    client.filters.add(name, value)
    return f"+OK filter added. [{name}]=[{value}]"


def _myevents(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    if not client.session_uuid and not rest.startswith(" "):
        return NOT_FOUND
    if client.my_events:
        return "-ERR aready enabled."
    uuid, _, fmt = rest[1:].partition(" ")
    if not client.session_uuid:
        if client.core.find(uuid) is None:
            if fmt:
                return "-ERR invalid uuid"
        else:
            client.session_uuid, client.session = uuid, client.core.find(uuid)
    client.names |= MYEVENTS
    client.my_events = client.listening = True
    for word in ("xml", "json"):
        if word in rest or word.upper() in rest:
            client.format = word
    client.changed()
    return "+OK Events Enabled"


def _sendevent(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    event_uuid = client.core.new_uuid()
    named = event_name(rest.strip(" \t")) if rest.strip(" \t") else event_name(headers.get("event-name", ""))
    name = named or "CLONE"
    subclass = headers.get("event-subclass", "") if name == "CUSTOM" else ""
    lead: list[Header] = [("Command", f"sendevent{rest}")]
    lead += [(key, value) for key, value in raw if key.lower() not in {"event-subclass", "event-name"} or not subclass]
    lead.append(("Event-UUID", event_uuid))
    channel = client.core.find(headers.get("unique-id", ""))
    if channel is not None and channel.spying is not None and "eavesdrop-command" in headers:
        channel.spying.command(headers["eavesdrop-command"])  # read by what runs there
        return f"+OK {event_uuid}"
    client.core.bus.fire(name, lambda: [Block([])], subclass=subclass, body=body, source=SENT_BY_CLIENT, lead=lead)
    return f"+OK {event_uuid}"


# ---- calls ---------------------------------------------------------------------------------------------------------


def _sendmsg(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    uuid = rest.strip(" ") or headers.get("session-id", "") or client.session_uuid
    channel = client.session if uuid == client.session_uuid else client.core.find(uuid)
    if channel is None:
        return f"-ERR invalid session id [{uuid}]"
    lead: list[Header] = [("Command", f"sendmsg{rest}"), *raw]
    channel.queue(Message(dict(headers), body, lead))
    return "+OK"


def _controlled_only(reply: str) -> Handler:
    def handler(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
        return reply

    return handler


def _linger(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    if not client.session_uuid:
        return "-ERR not controlling a session"
    seconds = rest.strip()
    client.linger_s = int(seconds) if seconds.isdigit() and len(seconds) < 7 else -1
    return "+OK will linger" if client.linger_s < 0 else f"+OK will linger {client.linger_s} seconds"


def _nolinger(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    if not client.session_uuid:
        return "-ERR not controlling a session"
    client.linger_s = None
    return "+OK will not linger"


def _getvar(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    channel = client.session
    if channel is None:
        return NOT_FOUND
    return channel.getvar(rest.strip()) or ""


# ---- api -----------------------------------------------------------------------------------------------------------


def _api(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> None:
    name, _, argument = rest.partition(" ")
    reply = api.call(client.core, name, argument)

    def answer(text: str) -> None:
        data = (text or "-ERR no reply\n").encode("utf-8", "surrogateescape")
        client.connection.send_frame([("Content-Type", "api/response")], data)
        api.announce(client.core, name, argument)

    if isinstance(reply, str):
        answer(reply)
    else:
        client.connection.wait_for(Task(client.core.clock, reply), answer)


def _bgapi(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> None:
    core = client.core
    name, _, argument = rest.partition(" ")
    job = headers.get("job-uuid") or core.new_uuid()
    client.connection.send_frame(
        [("Content-Type", "command/reply"), ("Reply-Text", f"+OK Job-UUID: {job}"), ("Job-UUID", job)]
    )
    owner = client.session_uuid

    def finished(text: str) -> None:
        about: list[Header] = [("Job-UUID", job)]
        if owner:
            about.append(("Job-Owner-UUID", owner))
        about.append(("Job-Command", name))
        if argument:
            about.append(("Job-Command-Arg", argument))
        api.announce(core, name, argument)
        core.bus.fire("BACKGROUND_JOB", lambda: [Block(about)], body=text)

    reply = api.call(core, name, argument)
    if isinstance(reply, str):
        finished(reply)
        return
    task = Task(core.clock, reply)
    task.on_done = lambda: finished(task.result if task.result is not None else "-ERR internal error\n")
    task.start()


# ---- log -----------------------------------------------------------------------------------------------------------


def _log(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    level = rest.lstrip(" ").partition(" ")[0]
    number = LOG_NUMBERS.get(level.lower()) if level else 7
    if level.isdigit() and int(level[:3]) <= 7:
        number = int(level)
    if number is None:
        return "-ERR invalid log level"
    client.log_level = number
    return f"+OK log level {level} [{number}]"


def _nolog(client: Client, rest: str, headers: dict[str, str], raw: list[Header], body: str) -> str:
    client.connection.drop_logs()
    if client.log_level is None:
        return "-ERR not loging"
    client.log_level = None
    return "+OK no longer logging"


COMMANDS: list[tuple[str, Handler]] = [
    ("filter ", _filter),
    ("myevents", _myevents),
    ("getvar", _getvar),
    ("divert_events", _controlled_only("-ERR not controlling a session.")),
    ("sendmsg", _sendmsg),
    ("sendevent", _sendevent),
    ("api ", _api),
    ("bgapi ", _bgapi),
    ("log", _log),
    ("linger", _linger),
    ("nolinger", _nolinger),
    ("nolog", _nolog),
    ("event", _event),
    ("nixevent", _nixevent),
    ("noevents", _noevents),
]
"""In the order in which the real switch compares, by prefix and without regard to case."""
