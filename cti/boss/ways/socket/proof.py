"""What no schema can tell of a socket back end: every finding at its own option."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cti.boss.codecs import BodyOptions, is_charset, prove_body, unknown_charset
from cti.boss.codecs.fields import Path
from cti.boss.paths import parse_path
from cti.boss.way import Carried, Finding
from cti.boss.ways.socket.checksum import CHECKSUMS
from cti.boss.ways.socket.frame_options import FrameOptions, HeaderField, raw_bytes
from cti.boss.ways.socket.options import MessageOptions, SocketBackend, SocketTarget

NUMERIC = ("dec", "hex", "bcd", "uint")
#: Codecs that can be read without knowing the message, so that a sequence can be found in a body.
BY_NAME = ("json", "keyvalue", "mml")


def prove_backend(options: SocketBackend) -> Iterator[Finding]:
    yield from prove_frame(options.frame, ("frame",))
    yield from _prove_correlate(options)
    yield from _prove_messages(options)
    yield from _prove_exchanges(options)
    if options.tls is not None and (options.tls.key_file is not None and options.tls.cert_file is None):
        yield Finding(("tls", "key_file"), "bad-option", "'key_file' is of no use without 'cert_file'")


def prove_frame(frame: FrameOptions, path: Path) -> Iterator[Finding]:
    seen: set[str] = set()
    for part in ("header", "trailer"):
        fields: tuple[HeaderField, ...] = getattr(frame, part)
        for at, field in enumerate(fields):
            yield from _prove_field(field, (*path, part, at))
            if field.name in seen:
                yield Finding((*path, part, at, "name"), "duplicate-key", f"'{field.name}' is a field already")
            seen.add(field.name)
    if (frame.length is None) == (frame.delimiter is None):
        yield Finding(path, "missing-option", "a frame has either 'length' or 'delimiter'")
    if not is_charset(frame.charset):
        yield unknown_charset(frame.charset, (*path, "charset"))
    yield from _prove_length(frame, path)
    yield from _prove_checksum(frame, path)
    yield from _prove_delimiter(frame, (*path, "delimiter"))
    if frame.body_pad is not None and not frame.body_pad.fill.isascii():
        yield Finding((*path, "body_pad", "fill"), "bad-option", "'fill' must be one ASCII character")


def _prove_field(field: HeaderField, path: Path) -> Iterator[Finding]:
    if field.type == "const":
        if not field.constant:
            yield Finding(path, "bad-option", f"{field.name}: a const needs 'value', text or hex such as \"0xfefe\"")
        elif field.size is not None and field.size != len(field.constant):
            yield Finding((*path, "size"), "bad-option", f"'value' has {len(field.constant)} bytes, not {field.size}")
    elif field.size is None:
        yield Finding(path, "missing-option", f"{field.name}: 'size' must be given, in bytes")
    elif field.type != "str" and field.size > (8 if field.type == "uint" else 32):
        yield Finding((*path, "size"), "bad-option", f"{field.name}: a number has 8 bytes at most (uint), else 32")
    elif field.value is not None and field.type != "str" and not field.value.isdigit():
        yield Finding((*path, "value"), "bad-option", f"{field.name}: 'value' must be a whole number")
    if field.pad is not None and (field.type != "str" or not field.pad.isascii()):
        yield Finding((*path, "pad"), "bad-option", "'pad' is one ASCII character, for type str")


def _prove_length(frame: FrameOptions, path: Path) -> Iterator[Finding]:
    if frame.length is None:
        return
    field = _field(frame.header, frame.length.field)
    where = (*path, "length", "field")
    if field is None:
        yield _no_field(frame, frame.length.field, where)
    elif field.type not in NUMERIC:
        yield Finding(where, "bad-option", f"'{field.name}' is of type {field.type}: a length is dec, hex, bcd or uint")
    elif field.numbers and field.numbers <= frame.max_bytes + frame.length.adjust:
        most = field.numbers - 1
        yield Finding(
            where, "bad-option", f"'{field.name}' counts to {most}, and max_bytes is {frame.max_bytes}: lower that"
        )


def _prove_checksum(frame: FrameOptions, path: Path) -> Iterator[Finding]:
    checksum = frame.checksum
    if checksum is None:
        return
    where = (*path, "checksum")
    field = _field((*frame.header, *frame.trailer), checksum.field)
    names = [field.name for field in frame.header]
    if field is None:
        yield _no_field(frame, checksum.field, (*where, "field"))
    elif field.type not in NUMERIC or field.numbers < 1 << CHECKSUMS[checksum.alg][0]:
        bits = CHECKSUMS[checksum.alg][0]
        yield Finding((*where, "field"), "bad-option", f"'{field.name}' cannot hold the {bits} bits of {checksum.alg}")
    if checksum.from_ != "body" and checksum.from_ not in names:
        yield Finding((*where, "from"), "unknown-field", f"'{checksum.from_}' is no header field, and not 'body'")
    elif {checksum.field, checksum.from_} <= set(names) and names.index(checksum.field) >= names.index(checksum.from_):
        yield Finding((*where, "from"), "bad-option", "the checksum would be of itself: begin behind its field")


def _prove_delimiter(frame: FrameOptions, path: Path) -> Iterator[Finding]:
    mark = frame.delimiter
    if mark is None:
        return
    parts = [(name, text) for name in ("end", "start", "escape") if (text := getattr(mark, name)) is not None]
    for name, text in parts:
        raw = raw_bytes(text)
        if not raw or (name == "escape" and len(raw) != 1):
            what = "one byte" if name == "escape" else "text or hex"
            yield Finding(
                (*path, name), "bad-option", f"'{name}' must be {what}, such as {'0x1b' if raw else '0x0d0a'}"
            )
        elif frame.charset.lower() in ("gbk", "gb18030", "big5", "cp936") and any(0x30 <= byte < 0x7F for byte in raw):
            message = f"in {frame.charset} these bytes are halves of characters: take others, below 0x30"
            yield Finding((*path, name), "bad-option", message)
    if mark.escape is not None and (raw_bytes(mark.escape) or b"?") in (raw_bytes(mark.end) or b""):
        yield Finding((*path, "escape"), "bad-option", "'escape' must not be part of 'end'")


def _prove_correlate(options: SocketBackend) -> Iterator[Finding]:
    if options.correlate is None:
        if options.mode == "multiplex":
            message = "multiplex needs 'correlate': answers come in any order, and only a sequence tells whose they are"
            yield Finding(("mode",), "missing-option", message)
        return
    for name in ("request", "response"):
        where, text = ("correlate", name), getattr(options.correlate, name)
        kind, _, place = text.partition(".")
        field = _field((*options.frame.header, *options.frame.trailer), place)
        if kind == "header" and field is not None and field.type != "const":
            if field.numbers < 3:
                yield Finding(where, "bad-option", f"'{place}' is too small for a sequence")
        elif kind == "body" and place:
            bodies = [message.reply if name == "response" else message.body for message in options.messages.values()]
            codecs = {body.codec for body in bodies if body is not None}
            if None in bodies or len(codecs) != 1 or not codecs <= set(BY_NAME):
                message = "a sequence in the body needs one codec for all messages: json, keyvalue or mml"
                yield Finding(where, "bad-option", message)
        else:
            yield Finding(where, "unknown-field", f"'{text[:60]}' is no header.<field> and no body.<field>")


def _prove_messages(options: SocketBackend) -> Iterator[Finding]:
    header = {field.name: field for field in options.frame.header}
    if options.message_field is not None and options.message_field not in header:
        yield _no_field(options.frame, options.message_field, ("message_field",))
    own = {options.code_field, options.frame.length and options.frame.length.field}
    for name, message in options.messages.items():
        path: Path = ("messages", name)
        for part in ("body", "reply"):
            body: BodyOptions | None = getattr(message, part)
            if body is not None:
                yield from prove_body(body, (*path, part))
        for field in message.header:
            if field not in header:
                yield _no_field(options.frame, field, (*path, "header", field))
            elif field in own or header[field].type == "const":
                yield Finding((*path, "header", field), "bad-option", f"'{field}' is filled in by itself")
        for at, reply_field in enumerate(message.reply.fields if message.reply else ()):
            if reply_field.name in ("header", "body"):
                where = (*path, "reply", "fields", at)
                yield Finding(where, "bad-name", f"'{reply_field.name}' is the answer's own name: call it otherwise")
        for option in ("code", "answer"):
            if getattr(message, option) is not None and options.code_field is None:
                yield Finding((*path, option), "bad-option", f"'{option}' has no effect without 'message_field'")


def _prove_exchanges(options: SocketBackend) -> Iterator[Finding]:
    for name, exchange in (("login", options.login), ("heartbeat", options.heartbeat)):
        if exchange is not None and exchange.send not in options.messages:
            yield unknown_message(options, exchange.send, (name, "send"))
    if options.login is not None:
        for text in options.login.expect:
            problem = parse_path(text)
            if isinstance(problem, str):
                yield Finding(("login", "expect", text), "bad-path", problem)
    if options.heartbeat is not None:
        if options.mode == "per_request":
            yield Finding(("heartbeat",), "bad-option", "a connection for each request lives too short for heartbeats")
        if options.heartbeat.expect is not None and options.code_field is None:
            yield Finding(("heartbeat", "expect"), "bad-option", "'expect' has no effect without 'message_field'")


def prove_target(options: SocketBackend, target: SocketTarget, carried: Carried) -> Iterable[Finding]:
    message = options.messages.get(target.message)
    if message is None:
        yield unknown_message(options, target.message, ("message",))
        return
    body = message.body
    names = {field.name for field in body.fields} if body is not None else set()
    for name in sorted(carried.fields):
        if name not in names and (body is None or body.fields):
            known = ", ".join(sorted(names)) or "nothing"
            where: Path = ("send", name) if target.send else ()
            yield Finding(where, "unknown-field", f"{target.message} carries no '{name}', but {known}")
    for field in body.fields if body is not None else ():
        if field.required and field.name not in carried.fields and not _is_sequence(options, field.name):
            yield Finding(("send",), "missing-field", f"{target.message} needs '{field.name}', which is not sent")
    paths: list[tuple[Path, str]] = [(("take", output), text) for output, text in target.take.items()]
    if target.code is not None:
        paths.append((("code",), target.code))
    for where, text in paths:
        problem = _path_problem(options, message, text)
        if problem is not None:
            yield Finding(where, "unknown-field", problem)


def _path_problem(options: SocketBackend, message: MessageOptions, text: str) -> str | None:
    path = parse_path(text)
    if isinstance(path, str):
        return path
    first = path.steps[0]
    if first == "header":
        names = [field.name for field in (*options.frame.header, *options.frame.trailer) if field.type != "const"]
        return None if len(path.steps) == 2 and path.steps[1] in names else f"'{text[:60]}': known are {names}"
    reply = message.reply
    if first == "body" or (reply is not None and (reply.codec in BY_NAME or (reply.rows and first == "rows"))):
        return None
    known = [field.name for field in reply.fields] if reply is not None and not reply.rows else []
    return None if first in known else f"the answer has no '{str(first)[:60]}'; it has header, {', '.join(known)}"


def _is_sequence(options: SocketBackend, name: str) -> bool:
    return options.correlate is not None and options.correlate.request == f"body.{name}"


def _field(fields: Iterable[HeaderField], name: str) -> HeaderField | None:
    return next((field for field in fields if field.name == name), None)


def _no_field(frame: FrameOptions, name: str, path: Path) -> Finding:
    known = ", ".join(field.name for field in (*frame.header, *frame.trailer)) or "none"
    return Finding(path, "unknown-field", f"'{name[:40]}' is no field of the header; known are {known}")


def unknown_message(options: SocketBackend, name: str, path: Path) -> Finding:
    known = ", ".join(sorted(options.messages))
    return Finding(path, "unknown-message", f"'{name[:60]}' is no message of this back end; known are {known}")
