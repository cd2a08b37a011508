"""Fields in their order, parted by a separator or by their widths. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cti.boss.codecs import charset as cs
from cti.boss.codecs.errors import CodecError
from cti.boss.codecs.fields import FieldOptions, from_text, to_text


class Delimited:
    """``rows``: parts records, which are then the list ``rows``. ``escape``: one character before a separator that is
    data, and before itself; without it, data with a separator in it is refused."""

    def __init__(
        self, fields: Sequence[FieldOptions], charset: str, sep: str, *, rows: str | None, escape: str | None
    ) -> None:
        self._fields, self._charset, self._sep, self._rows, self._escape = tuple(fields), charset, sep, rows, escape
        self._least = max((at + 1 for at, field in enumerate(self._fields) if field.required), default=0)
        self._special = [mark for mark in (escape, sep, rows) if mark]

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """``fields``, or ``{rows: […]}`` where there are rows. Raises CodecError."""
        if self._rows is None:
            return cs.to_bytes(self._line(fields), self._charset)
        rows = fields.get("rows")
        if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
            raise CodecError("bad-value", "rows")
        return cs.to_bytes(self._rows.join(self._line(row) for row in rows), self._charset)

    def decode(self, body: bytes) -> dict[str, Any]:
        """Raises CodecError."""
        text = cs.to_text(body, self._charset)
        if self._rows is None:
            return self._record(text)
        lines = split(text, self._rows, self._escape)
        if lines and not lines[-1]:
            lines.pop()  # a separator after the last row
        return {"rows": [self._record(line) for line in lines]}

    def _line(self, fields: Mapping[str, Any]) -> str:
        known_only(self._fields, fields)
        return self._sep.join(self._escaped(field, fields) for field in self._fields)

    def _escaped(self, field: FieldOptions, fields: Mapping[str, Any]) -> str:
        text = to_text(field, fields.get(field.name))
        if self._escape is None:
            if any(mark in text for mark in self._special):
                raise CodecError("bad-value", field.name)
            return text
        for mark in self._special:
            text = text.replace(mark, self._escape + mark)
        return text

    def _record(self, line: str) -> dict[str, Any]:
        parts = split(line, self._sep, self._escape) if line or self._least else []
        if len(parts) > len(self._fields):
            raise CodecError("extra-field")
        if len(parts) < self._least:
            raise CodecError("missing-field", self._fields[len(parts)].name)
        texts = [unescape(part, self._escape) for part in parts]
        texts += [""] * (len(self._fields) - len(parts))
        return {field.name: from_text(field, text) for field, text in zip(self._fields, texts, strict=True)}


class Fixed:
    """Each field in ``size`` bytes. Blanks around are padding; zeros before a number are, before a text they stay."""

    def __init__(self, fields: Sequence[FieldOptions], charset: str) -> None:
        self._fields, self._charset = tuple(fields), charset

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Raises CodecError."""
        known_only(self._fields, fields)
        return b"".join(self._column(field, fields.get(field.name)) for field in self._fields)

    def decode(self, body: bytes) -> dict[str, Any]:
        """Raises CodecError."""
        found: dict[str, Any] = {}
        at = 0
        for field in self._fields:
            size = field.size or 0
            raw = body[at : at + size]
            if len(raw) < size:
                raise CodecError("missing-field", field.name)
            text = cs.to_text(raw, self._charset, field.name)
            found[field.name] = from_text(field, _unpadded(field, text))
            at += size
        if body[at:].strip(b" \r\n"):
            raise CodecError("extra-field")
        return found

    def _column(self, field: FieldOptions, value: Any) -> bytes:
        text, size = to_text(field, value), field.size or 0
        pad, right = _padding(field)
        if right and pad == "0" and text[:1] in ("-", "+"):
            raw = cs.to_bytes(text[0] + text[1:].rjust(size - 1, "0"), self._charset, field.name)
        else:
            raw = cs.to_bytes(text, self._charset, field.name)
            fill = pad.encode() if text else b" "
            raw = raw.rjust(size, fill) if right else raw.ljust(size, fill)
        if len(raw) > size:
            raise CodecError("bad-value", field.name)
        return raw


def _padding(field: FieldOptions) -> tuple[str, bool]:
    right = (field.align or ("right" if field.numeric else "left")) == "right"
    return field.pad or ("0" if field.numeric and right else " "), right


def _unpadded(field: FieldOptions, text: str) -> str:
    pad, right = _padding(field)
    if field.numeric or pad == "0":
        return text.strip(" ")  # int() and Decimal() do not mind zeros; of a text they are a part
    return text.lstrip(pad) if right else text.rstrip(pad)


def known_only(fields: Sequence[FieldOptions], given: Mapping[str, Any]) -> None:
    """A value that has no place in the message would be lost without a word. Raises CodecError ``unknown-field``."""
    for name in given:
        if not any(field.name == name for field in fields):
            raise CodecError("unknown-field", name)


def split(text: str, sep: str, escape: str | None) -> list[str]:
    """The parts, still escaped."""
    if escape is None:
        return text.split(sep)
    parts, begin = [], 0
    for match in re.finditer(f"{re.escape(escape)}.|{re.escape(sep)}", text, re.DOTALL):
        if match.group() == sep:
            parts.append(text[begin : match.start()])
            begin = match.end()
    return [*parts, text[begin:]]


def unescape(text: str, escape: str | None) -> str:
    """Raises CodecError ``bad-body`` for an escape with nothing behind it."""
    if escape is None or escape not in text:
        return text
    mark = re.escape(escape)
    if re.fullmatch(f"(?:[^{mark}]|{mark}.)*", text, re.DOTALL) is None:
        raise CodecError("bad-body")
    return re.sub(f"{mark}(.)", r"\1", text, flags=re.DOTALL)
