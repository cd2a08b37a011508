"""A message's fields <-> a frame, by the back end's options. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cti.boss.codecs import BodyOptions, Codec, CodecError, make_codec
from cti.boss.paths import MISSING, parse_path
from cti.boss.way import WayError
from cti.boss.ways.socket.frame import Frame, FrameCodec
from cti.boss.ways.socket.header import FrameError
from cti.boss.ways.socket.options import SocketBackend

#: Of a sequence in a body: as many as nine digits tell.
BODY_NUMBERS = 1_000_000_000


class Messages:
    """Of proven options."""

    def __init__(self, options: SocketBackend) -> None:
        self._options, self.frames = options, FrameCodec(options.frame)
        charset = options.frame.charset
        self._bodies = {name: _codec(message.body, charset) for name, message in options.messages.items()}
        self._replies = {name: _codec(message.reply, charset) for name, message in options.messages.items()}
        where = options.correlate
        self._request = where.request.partition(".")[::2] if where else ("", "")
        carrier = next((field for field in options.frame.header if field.name == self._request[1]), None)
        self._width = carrier.width if carrier is not None and carrier.type == "str" else 1
        self._response = where.response.partition(".")[::2] if where else ("", "")
        loose = next((m.reply for m in options.messages.values() if m.reply is not None), None)
        self._loose = _codec(loose.model_copy(update={"fields": ()}), charset) if loose is not None else None

    @property
    def numbers(self) -> int | None:
        """How many sequences there are; None: there are none."""
        kind, name = self._request
        if kind != "header":
            return BODY_NUMBERS if kind else None
        return next(field.numbers for field in self._options.frame.header if field.name == name)

    def request(self, name: str, fields: Mapping[str, Any]) -> Callable[[int], bytes]:
        """The frame's bytes by its number. Raises WayError, now or then: the values do not fit this message."""
        message = self._options.messages[name]
        header: dict[str, Any] = dict(message.header)
        code = self._options.code_field
        if code is not None:
            header[code] = message.code or name
        kind, place = self._request
        body = self._body(name, {**fields, place: "1"} if kind == "body" else fields)

        def make(number: int) -> bytes:
            numbered = body
            if kind == "header":
                header[place] = f"{number:0{self._width}d}"
            elif kind == "body":
                numbered = self._body(name, {**fields, place: str(number)})
            try:
                return self.frames.encode(header, numbered)
            except FrameError as error:
                raise WayError("rejected", error.reason, sent=False) from None

        return make

    def _body(self, name: str, fields: Mapping[str, Any]) -> bytes:
        codec = self._bodies[name]
        if codec is None and fields:
            raise WayError("rejected", "unknown-field", sent=False)
        try:
            return codec.encode(fields) if codec is not None else b""
        except CodecError as error:
            raise WayError("rejected", error.reason, sent=False) from None

    def decode(self, name: str, frame: Frame) -> dict[str, Any]:
        """The answer's tree: the body's fields by their names and under ``body``, the header under ``header``.
        Raises WayError."""
        message, code = self._options.messages[name], self._options.code_field
        if message.answer is not None and code is not None and not same(frame.header.get(code), message.answer):
            raise WayError("error", "wrong-message", sent=True)
        codec = self._replies[name]
        try:
            fields = codec.decode(frame.body) if codec is not None else {}
        except CodecError as error:
            raise WayError("error", error.reason, sent=True) from None
        return {**fields, "body": fields, "header": dict(frame.header)}

    def number_of(self, frame: Frame) -> int | None:
        """None: none that could be read."""
        kind, place = self._response
        found: Any = None
        if kind == "header":
            found = frame.header.get(place)
        elif kind and self._loose is not None:
            path = parse_path(place)
            try:
                found = MISSING if isinstance(path, str) else path.find(self._loose.decode(frame.body))
            except CodecError:
                return None
        text = str(found).strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 40 else None

    def has_code(self, frame: Frame, expected: str) -> bool:
        code = self._options.code_field
        return code is not None and same(frame.header.get(code), expected)


def same(found: Any, expected: str) -> bool:
    """Texts by their signs, numbers by their value (``0xfe`` too)."""
    if isinstance(found, int) and not isinstance(found, bool):
        try:
            return found == int(expected, 0 if expected.lower().startswith("0x") else 10)
        except ValueError:
            return False
    return str(found) == expected


def _codec(options: BodyOptions | None, charset: str) -> Codec | None:
    return make_codec(options, charset) if options is not None else None


def check_expected(tree: Mapping[str, Any], expect: Mapping[str, str]) -> bool:
    for text, wanted in expect.items():
        path = parse_path(text)
        if isinstance(path, str) or not same(path.find(tree), wanted):
            return False
    return True
