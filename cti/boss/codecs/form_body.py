"""Forms: ``application/x-www-form-urlencoded``, in any charset (WHATWG URL, section 5). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cti.boss.codecs.errors import CodecError
from cti.boss.codecs.fields import FieldOptions
from cti.boss.codecs.pairs import TypedFields

MOST_FIELDS = 1_000


class FormBody:
    """``fields`` empty: whatever comes, as texts."""

    def __init__(self, fields: Sequence[FieldOptions], charset: str) -> None:
        self._typed, self._charset = TypedFields(fields), charset

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Raises CodecError."""
        try:
            return urlencode(list(self._typed.texts(fields)), encoding=self._charset, errors="strict").encode("ascii")
        except UnicodeError:
            raise CodecError("bad-value") from None

    def decode(self, body: bytes) -> dict[str, Any]:
        """Raises CodecError."""
        try:
            pairs = parse_qsl(
                body.decode("ascii").strip(), keep_blank_values=True, strict_parsing=bool(body.strip()),
                encoding=self._charset, errors="strict", max_num_fields=MOST_FIELDS,
            )  # fmt: skip
        except UnicodeError:
            raise CodecError("bad-encoding") from None
        except ValueError:
            raise CodecError("bad-body") from None
        found = dict(pairs)
        if len(found) != len(pairs):
            raise CodecError("duplicate-field")
        return self._typed.values(found)
