"""Headers as bytes, in blocks that are encoded once and shared by every event and listener that carries them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

Header = tuple[str, str]

_UNSAFE = frozenset(b'\r\n "#%&+:;<=>?@[\\]^`{|}')
_QUOTED = {chr(byte): f"%{byte:02X}" for byte in range(256) if byte < 33 or byte > 126 or byte in _UNSAFE}
_ASCII = {ord(char): code for char, code in _QUOTED.items() if ord(char) < 128}


def quote(value: str) -> str:
    """Percent-encode as switch_url_encode does: ``,`` ``/`` ``(`` ``)`` stay, everything that is not ASCII goes."""
    if value.isalnum() and value.isascii():
        return value
    if value.isascii():
        return value.translate(_ASCII)
    return "".join(_QUOTED.get(chr(byte), chr(byte)) for byte in value.encode("utf-8", "surrogateescape"))


class Block:
    """Some headers of an event, immutable; each encoding is made at first use and kept."""

    __slots__ = ("_index", "_json", "_plain", "headers")

    def __init__(self, headers: Iterable[Header]) -> None:
        self.headers: Sequence[Header] = tuple(headers)
        self._plain: str | None = None
        self._json: str | None = None
        self._index: dict[str, str] | None = None

    def get(self, name_lower: str) -> str | None:
        if self._index is None:
            index: dict[str, str] = {}
            for name, value in self.headers:
                index.setdefault(name.lower(), value)
            self._index = index
        return self._index.get(name_lower)

    def plain(self) -> str:
        if self._plain is None:
            self._plain = "".join([f"{name}: {quote(value)}\n" for name, value in self.headers])
        return self._plain

    def json(self) -> str:
        """``"name":"value"`` pairs joined by commas, without braces; repeated names stay repeated."""
        if self._json is None:
            self._json = ",".join([f"{_dumps(name)}:{_dumps(value)}" for name, value in self.headers])
        return self._json


def _dumps(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def frame(headers: Iterable[Header], body: bytes | None = None) -> bytes:
    """One message of the event socket: header lines as they are, a blank line, the body with its Content-Length."""
    lines = [f"{name}: {value}\n" for name, value in headers]
    if body is None:
        return ("".join(lines) + "\n").encode("utf-8", "surrogateescape")
    lines.append(f"Content-Length: {len(body)}\n\n")
    return "".join(lines).encode("utf-8", "surrogateescape") + body
