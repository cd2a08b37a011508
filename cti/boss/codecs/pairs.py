"""``name=value`` pairs, and MML as intelligent-network platforms of Huawei and ZTE speak it over a socket. Pure.

QRYBAL:MSISDN=13800138000,CYCLE=202606
ACK:QRYBAL:RETN=0000,DESC="Success",ATTR=MSISDN&BALANCE,RESULT="13800138000|12345"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cti.boss.codecs import charset as cs
from cti.boss.codecs.delimited import known_only, split, unescape
from cti.boss.codecs.errors import CodecError
from cti.boss.codecs.fields import FieldOptions, from_text, plain_text, to_text


class TypedFields:
    """Texts by name <-> values. Without declared fields every name is taken, as text."""

    def __init__(self, fields: Sequence[FieldOptions]) -> None:
        self._fields = tuple(fields)

    def texts(self, fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """In the declared order; what is null is left out. Raises CodecError."""
        if not self._fields:
            for name, value in fields.items():
                if value is not None:
                    yield name, _plain(name, value)
            return
        known_only(self._fields, fields)
        for field in self._fields:
            value = fields.get(field.name)
            if value is not None or field.required:
                yield field.name, to_text(field, value)

    def values(self, texts: Mapping[str, Any]) -> dict[str, Any]:
        """Names that are not declared stay, as text. Raises CodecError."""
        found = dict(texts)
        for field in self._fields:
            text = texts.get(field.name)
            if text is None and field.required:
                raise CodecError("missing-field", field.name)
            found[field.name] = from_text(field, text) if isinstance(text, str) else None
        return found


class Pairs:
    """``sep`` parts pairs, ``assign`` name and value; ``escape`` goes before a separator that is data."""

    def __init__(
        self, fields: Sequence[FieldOptions], charset: str, sep: str, assign: str, *, escape: str | None
    ) -> None:
        self._typed, self._charset, self._sep, self._assign, self._escape = (
            TypedFields(fields),
            charset,
            sep,
            assign,
            escape,
        )

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Raises CodecError."""
        pairs = (self._pair(name, text) for name, text in self._typed.texts(fields))
        return cs.to_bytes(self._sep.join(pairs), self._charset)

    def decode(self, body: bytes) -> dict[str, Any]:
        """Raises CodecError."""
        found: dict[str, str] = {}
        for part in split(cs.to_text(body, self._charset), self._sep, self._escape):
            if not part.strip():
                continue  # after the last separator
            name, assign, text = part.partition(self._assign)
            name = name.strip()
            if not assign or not name:
                raise CodecError("bad-body")
            if name in found:
                raise CodecError("duplicate-field", name[:80])
            found[name] = unescape(text, self._escape)
        return self._typed.values(found)

    def _pair(self, name: str, text: str) -> str:
        if self._sep in name or self._assign in name:
            raise CodecError("bad-value", name)
        if self._escape is None:
            if self._sep in text:
                raise CodecError("bad-value", name)
            return f"{name}{self._assign}{text}"
        for mark in (self._escape, self._sep):
            text = text.replace(mark, self._escape + mark)
        return f"{name}{self._assign}{text}"


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,79}")
_PLAIN = re.compile(r"[^\s,:;=\"&|]*")
_PARAMETER = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_.-]{0,79})\s*=\s*(?:"([^"]*)"\s*|([^,"]*))(,|;?\s*$)')
_HEAD = re.compile(r"\s*(?:(ACK)\s*:)?\s*([A-Za-z][A-Za-z0-9_ ]{0,79}?)\s*(?::|;?\s*$)")


class Mml:
    """``command``: goes before the parameters. Read, it stands under ``command``, and ``ack`` says if it is an answer.

    ``columns``: (the parameter that names columns, the one that holds their values): they come as fields besides, by
    their names; several rows of values (parted by ``&`` in quotes) are the list ``rows``.
    """

    def __init__(
        self, fields: Sequence[FieldOptions], charset: str, command: str | None, columns: tuple[str, str] | None
    ) -> None:
        self._typed, self._charset, self._command, self._columns = TypedFields(fields), charset, command, columns

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Raises CodecError."""
        parameters = ",".join(f"{_named(name)}={_quoted(name, text)}" for name, text in self._typed.texts(fields))
        return cs.to_bytes(f"{self._command or ''}:{parameters}", self._charset)

    def decode(self, body: bytes) -> dict[str, Any]:
        """Raises CodecError."""
        text = cs.to_text(body, self._charset)
        head = _HEAD.match(text)
        if head is None:
            raise CodecError("bad-body")
        if head.group(1) is not None and self._command not in (None, head.group(2)):
            raise CodecError("wrong-command")
        texts: dict[str, str] = {}
        at = head.end()
        while at < len(text) and text[at:].strip(" ;\r\n"):
            match = _PARAMETER.match(text, at)
            if match is None or match.end() == at:
                raise CodecError("bad-body")
            name, quoted, bare = match.group(1), match.group(2), match.group(3)
            if name in texts:
                raise CodecError("duplicate-field", name)
            texts[name] = quoted if quoted is not None else bare.rstrip("; \r\n")
            at = match.end()
        rows = self._rows(texts)
        found: dict[str, Any] = self._typed.values({**texts, **(rows[0] if rows else {})})
        if self._columns is not None:
            found["rows"] = rows
        return {**found, "command": head.group(2), "ack": head.group(1) is not None}

    def _rows(self, texts: Mapping[str, str]) -> list[dict[str, str]]:
        if self._columns is None or self._columns[0] not in texts:
            return []
        names, values = texts[self._columns[0]].split("&"), texts.get(self._columns[1], "")
        rows = [row.split("|") for row in values.split("&")] if values else []
        if any(len(row) != len(names) for row in rows) or len(set(names)) != len(names):
            raise CodecError("bad-body", self._columns[1])
        return [dict(zip(names, row, strict=True)) for row in rows]


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CodecError("bad-value", name)
    return name


def _quoted(name: str, text: str) -> str:
    """Bare where it can be; a quote inside has no spelling in this language."""
    if text and _PLAIN.fullmatch(text):
        return text
    if '"' in text or any(ord(sign) < 32 for sign in text):
        raise CodecError("bad-value", name)
    return f'"{text}"'


def _plain(name: str, value: Any) -> str:
    try:
        return plain_text(value)
    except ValueError:
        raise CodecError("bad-value", name) from None
