"""Tag, length, value, one after another. Pure. Tags have one width; values are text, in the charset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cti.boss.codecs import charset as cs
from cti.boss.codecs.delimited import known_only
from cti.boss.codecs.errors import CodecError
from cti.boss.codecs.fields import FieldOptions, from_text, to_text


class Tlv:
    """``length_size``: bytes of each length, which counts the value alone. Tags not declared are passed over."""

    def __init__(
        self, fields: Sequence[FieldOptions], charset: str, length_size: int, order: Literal["big", "little"]
    ) -> None:
        self._fields, self._charset, self._size, self._order = tuple(fields), charset, length_size, order
        self._by_tag = {field.tag_bytes: field for field in fields}
        self._tag_size = len(next(iter(self._by_tag), b"\0"))

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Raises CodecError."""
        known_only(self._fields, fields)
        made = bytearray()
        for field in self._fields:
            value = fields.get(field.name)
            if value is None and not field.required:
                continue
            raw = cs.to_bytes(to_text(field, value), self._charset, field.name)
            if len(raw) >= 1 << (8 * self._size):
                raise CodecError("bad-value", field.name)
            made += field.tag_bytes + len(raw).to_bytes(self._size, self._order) + raw
        return bytes(made)

    def decode(self, body: bytes) -> dict[str, Any]:
        """Raises CodecError."""
        texts: dict[str, str] = {}
        at = 0
        while at < len(body):
            begin = at + self._tag_size + self._size
            tag = body[at : at + self._tag_size]
            at = begin + int.from_bytes(body[begin - self._size : begin], self._order)
            if begin > len(body) or at > len(body):
                raise CodecError("bad-body")
            field = self._by_tag.get(tag)
            if field is None:
                continue
            if field.name in texts:
                raise CodecError("duplicate-field", field.name)
            texts[field.name] = cs.to_text(body[begin:at], self._charset, field.name)
        found: dict[str, Any] = {}
        for field in self._fields:
            if field.name not in texts and field.required:
                raise CodecError("missing-field", field.name)
            found[field.name] = from_text(field, texts[field.name]) if field.name in texts else None
        return found
