"""Commands of a client, each the complete bytes of exactly one command.

The one place where text meets the wire (DESIGN 3.4). Names, uuids and causes match a pattern; text of others goes
only into an application's argument, as a body with its length, with references made literal; nothing passes that the
switch could read as the end of a command. Every function raises EslError (codes in `cti.esl.errors`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cti.esl.errors import EslError
from cti.esl.expansion import literal, refers

_NAME = re.compile(r"[A-Za-z_][0-9A-Za-z_.-]{0,127}")
_TOKEN = re.compile(r"[0-9A-Za-z_.:-]{1,128}")  # uuids, our own event and job ids
_FILTER = re.compile(r"[0-9A-Za-z_.:-]{1,128}|/[0-9A-Za-z_.:|^$()-]{1,1024}/")  # a value, or a pattern
_HEADER = re.compile(r"[A-Za-z_][0-9A-Za-z_-]{0,127}")
_EVENT_NAME = re.compile(r"[A-Za-z_][0-9A-Za-z_:.-]{0,127}")
_VARIABLE_VALUE = re.compile(r"[0-9A-Za-z_.:@/+=~*#()!-]{1,1024}")
_NUMBER = re.compile(r"\+?[0-9]{1,32}")
_PASSWORD = re.compile(r"[!-~]{1,128}")
_EVENT_VALUE = re.compile(r"[0-9A-Za-z*#_.-]{1,64}")
_MAX_ARGUMENT = 1_000_000  # bytes; the switch itself gives up at 10 MiB
_MAX_LOOPS = 1_000_000
_LENGTH_LINE = re.compile(r"^content-length\s*:", re.IGNORECASE | re.MULTILINE)
_FORMATS = ("plain", "json")


def safe_argument(text: str, application: str = "playback") -> str:
    """Foreign text as (part of) an application's argument: it arrives there as it is, nothing in it comes to life.

    Line ends stay data, because arguments travel as bodies. Raises EslError ``unsafe-text``.
    """
    _check_text(text, "\0", "an argument")
    return literal(text, application)


def api(command: str, *args: str) -> bytes:
    """``api <command> <args>``: runs in the listener's own thread; the answer is an api/response."""
    return f"api {_api_line(command, args)}\n\n".encode()


def bgapi(command: str, *args: str, job_uuid: str) -> bytes:
    """``bgapi`` with our own Job-UUID, so that the result can be awaited before the command is sent."""
    return f"bgapi {_api_line(command, args)}\nJob-UUID: {_token(job_uuid, 'job id')}\n\n".encode()


def execute(
    uuid: str,
    application: str,
    argument: str = "",
    *,
    event_uuid: str = "",
    event_lock: bool = False,
    loops: int = 1,
    during: Mapping[str, str] | None = None,
) -> bytes:
    """Run an application on a channel. ``event_uuid`` comes back as Application-UUID of its completion.

    ``event_lock`` False: it starts at once, nested in what runs; True: it waits for its turn. ``during``: variables
    that the channel has while the application runs (switch_core_session_exec: scope variables); letters, digits, ``*``
    and ``#``.

    The switch reads what is not the body byte by byte, and lets every other thread pass after each (mod_event_socket.c:
    read_packet), so no byte is there that need not be.
    """
    if not 1 <= loops <= _MAX_LOOPS:
        raise EslError(f"{loops} is no number of loops", code="bad-number")
    lines = [
        f"sendmsg {_token(uuid, 'channel uuid')}",
        "call-command:execute",
        f"execute-app-name:{_match(_NAME, application, 'application')}",
    ]
    if event_uuid:
        lines.append(f"event-uuid:{_token(event_uuid, 'event uuid')}")
    if event_lock:
        lines.append("event-lock:true")
    if loops != 1:
        lines.append(f"loops:{loops}")
    body = (_scope(during) + safe_argument(argument, application)).encode()
    if len(body) > _MAX_ARGUMENT:
        raise EslError(f"an argument of {len(body)} bytes", code="unsafe-text", remedy=f"at most {_MAX_ARGUMENT}")
    if body:
        lines += ["content-type:text/plain", f"content-length:{len(body)}"]
    return "\n".join(lines).encode() + b"\n\n" + body


def _scope(during: Mapping[str, str] | None) -> str:
    found = [
        f"{_match(_NAME, name, 'variable')}={_match(_EVENT_VALUE, kept, 'value')}"
        for name, kept in (during or {}).items()
    ]
    return f"%[{','.join(found)}]" if found else ""


def hangup(uuid: str, cause: str = "NORMAL_CLEARING") -> bytes:
    """``uuid_kill``: unlike sendmsg it answers for a dead channel too, and need not wait for the channel's thread."""
    named = () if cause == "NORMAL_CLEARING" else (_match(_NAME, cause, "hang-up cause"),)  # the switch's own choice
    return api("uuid_kill", _token(uuid, "channel uuid"), *named)


def channel_event(uuid: str, subclass: str, name: str, value: str) -> bytes:
    """``sendevent`` to one channel: what runs there reads it from the channel's queue (ES:2269), as `eavesdrop` does
    its commands. A channel where nothing reads it lets it out as an event."""
    lines = [
        "sendevent CUSTOM",
        f"Event-Subclass: {_match(_EVENT_NAME, subclass, 'event subclass')}",
        f"unique-id: {_token(uuid, 'channel uuid')}",
        f"{_match(_HEADER, name, 'header')}: {_match(_EVENT_VALUE, value, 'header value')}",
    ]
    return "\n".join(lines).encode() + b"\n\n"


def events(fmt: str, names: Iterable[str]) -> bytes:
    """``event plain|json <names>``. Names after ``CUSTOM`` are subclasses, so CUSTOM and its subclasses come last."""
    if fmt not in _FORMATS:
        raise EslError(f"no event format {fmt!r}", code="bad-name", remedy="plain or json")
    words = [_match(_EVENT_NAME, name, "event name") for name in names]
    if not words:
        raise EslError("no event names", code="bad-name")
    core = [word for word in words if word != "CUSTOM" and "::" not in word]
    custom = [word for word in words if "::" in word]
    if custom or "CUSTOM" in words:
        core += ["CUSTOM", *custom]
    return f"event {fmt} {' '.join(core)}\n\n".encode()


def filter_add(name: str, value: str) -> bytes:
    """Only events in which a header has this value, or one that fits the pattern ``/…/``; several are ORed. With
    ``-`` before a value: none with it."""
    return f"filter {_match(_HEADER, name, 'header')} {_match(_FILTER, value, 'filter value')}\n\n".encode()


def filter_delete(name: str, value: str = "") -> bytes:
    """Without a value: all filters on the header."""
    tail = f" {_match(_FILTER, value, 'filter value')}" if value else ""
    return f"filter delete {_match(_HEADER, name, 'header')}{tail}\n\n".encode()


def padded(size: int) -> bytes:
    """A question that costs the switch nothing but the reading of ``size`` bytes, one by one (see `execute`)."""
    question = b"api global_getvar core_uuid\npadding:"
    return question + b"." * (size - len(question) - 2) + b"\n\n"


def auth(password: str) -> bytes:
    # The password is never part of an error's text.
    if not _PASSWORD.fullmatch(password):
        raise EslError("the event-socket password must be 1 to 128 printable ASCII characters", code="unsafe-text")
    return f"auth {password}\n\n".encode()


def exit_() -> bytes:
    return b"exit\n\n"


def single(command: str) -> bytes:
    """Any one command written by a programmer (greenswitch's ``send``): header lines are allowed, a second command is
    not. Never for text of others."""
    text = command.strip("\r\n")
    _check_text(text, "\0\r", "a command")
    if not text.strip() or text[0].isspace() or "\n\n" in text or _LENGTH_LINE.search(text):
        raise EslError("this is not exactly one command", code="unsafe-text", remedy="use cti.esl's builders")
    return f"{text}\n\n".encode()


def channel_variables(variables: Mapping[str, str]) -> str:
    """``{a=b,c=d}`` for originate. Nothing is escaped: each of the parsers behind it reads quotes and commas in its
    own way, so a value with anything but letters, digits and ``_.:@/+=~*#()!-`` is refused (``bad-variable``)."""
    parts = []
    for name, value in variables.items():
        if not _NAME.fullmatch(name) or not _VARIABLE_VALUE.fullmatch(value):
            raise EslError(f"variable {name[:60]!r} cannot have this name or value", code="bad-variable")
        parts.append(f"{name}={value}")
    return "{" + ",".join(parts) + "}" if parts else ""


def gateway_dial(gateway: str, number: str) -> str:
    """``sofia/gateway/<id>/<number>`` from a route id and the digits of an E.164 number."""
    if not _NUMBER.fullmatch(number):
        raise EslError("not the digits of a number", code="bad-number")
    return f"sofia/gateway/{_route(gateway)}/{number}"


def user_dial(user: str, domain: str) -> str:
    """``user/<id>@<domain>``."""
    return f"user/{_route(user)}@{_route(domain)}"


def _route(text: str) -> str:
    return _match(re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,127}"), text, "route id")


def _api_line(command: str, args: Iterable[str]) -> str:
    words = [_match(_NAME, command, "api command")]
    for arg in args:
        # An argument is one word: what holds a space would be two, and the switch sees words only. Of all that is space
        # the blank alone is printable.
        if not arg or not arg.isprintable() or " " in arg or refers(arg):
            raise EslError(f"{command}: {arg[:60]!r} cannot be an argument", code="unsafe-text")
        words.append(arg)
    return " ".join(words)


def _check_text(text: str, refused: str, what: str) -> None:
    for ch in refused:
        if ch in text:
            raise EslError(f"{what} must not hold control characters", code="unsafe-text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise EslError(f"{what} holds half a character", code="unsafe-text") from None


def _match(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise EslError(f"{text[:60]!r} is no {what}", code="bad-name")
    return text


def _token(text: str, what: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise EslError(f"{text[:60]!r} is no {what}", code="bad-uuid")
    return text
