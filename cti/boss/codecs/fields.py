"""One field of a body: its type, and its text on the wire. Pure.

``decimal`` with ``scale: 2`` is a whole number of hundredths (``12345`` is 123.45), and a point in it is refused: a
back end that leaves ``.00`` out must not make a hundredfold. Text stays as it is, leading zeros included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from pydantic import Field, model_validator

from cti.boss.codecs.errors import CodecError
from cti.boss.way import Finding
from cti.validating import Section

Path = tuple[str | int, ...]
FORMATS = {"date": "%Y%m%d", "time": "%H%M%S", "datetime": "%Y%m%d%H%M%S"}
_INT = re.compile(r"[+-]?[0-9]{1,40}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})")
_TAG = re.compile(r"[0-9a-fA-F]{2,8}")


class FieldOptions(Section):
    """A name alone is a required text."""

    name: str = Field(min_length=1, max_length=80)
    type: Literal["text", "int", "decimal", "bool", "date", "time", "datetime"] = "text"
    scale: int | None = Field(None, ge=0, le=12, description="of a decimal: a whole number of 10^-scale, without point")
    format: str | None = Field(None, description="of a date or time, as strftime; default %Y%m%d, %H%M%S, both")
    yes: str = Field("1", description="of a bool: the text for true")
    no: str = Field("0", description="of a bool: the text for false")
    required: bool = Field(True, description="not required: may be missing or empty, and is then null")
    size: int | None = Field(None, ge=1, le=65_536, description="bytes, of a fixed-width field")
    align: Literal["left", "right"] | None = Field(None, description="fixed width; default: numbers right, rest left")
    pad: str | None = Field(
        None, min_length=1, max_length=1, description="fixed width; default: 0 for numbers, else ' '"
    )
    tag: str | None = Field(None, description="of a TLV field, in hex, such as 0x9f01")

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @property
    def numeric(self) -> bool:
        return self.type in ("int", "decimal")

    @property
    def tag_bytes(self) -> bytes:
        return bytes.fromhex((self.tag or "").removeprefix("0x"))


def prove_field(field: FieldOptions, codec: str, path: Path) -> Iterator[Finding]:
    """Options that contradict each other, or that the codec has no use for."""
    if field.scale is not None and field.type != "decimal":
        yield Finding((*path, "scale"), "bad-option", f"'scale' is for type decimal, and {field.name} is {field.type}")
    if field.format is not None and field.type not in FORMATS:
        yield Finding((*path, "format"), "bad-option", f"'format' is for dates and times, not for {field.type}")
    if field.format is not None and field.type in FORMATS and not _round_trip(field):
        yield Finding((*path, "format"), "bad-option", f"'{field.format[:40]}' does not write and read a {field.type}")
    if field.type == "bool" and field.yes == field.no:
        yield Finding((*path, "yes"), "bad-option", "'yes' and 'no' must differ")
    if codec == "fixed" and field.size is None:
        yield Finding(path, "missing-option", f"{field.name}: a fixed-width field needs 'size', in bytes")
    for option in ("size", "align", "pad"):
        if codec != "fixed" and getattr(field, option) is not None:
            yield Finding((*path, option), "bad-option", f"'{option}' is for codec fixed, and this is {codec}")
    if field.pad is not None and not field.pad.isascii():
        yield Finding((*path, "pad"), "bad-option", "'pad' must be one ASCII character")
    if (codec == "tlv") != (field.tag is not None):
        where = (*path, "tag") if field.tag is not None else path
        yield Finding(where, "bad-option", "'tag' is for codec tlv, and each of its fields needs one, such as 0x9f01")
    elif field.tag is not None and not _TAG.fullmatch(field.tag.removeprefix("0x")):
        yield Finding((*path, "tag"), "bad-option", "'tag' must be 1 to 4 bytes in hex, such as 0x9f01")


def _round_trip(field: FieldOptions) -> bool:
    sample = datetime(2031, 12, 30, 23, 58, 59)
    value: Any = {"date": sample.date(), "time": sample.time(), "datetime": sample}[field.type]
    try:
        back = from_text(field, to_text(field, value))
    except CodecError:
        return False
    return bool(back == value or (field.type != "date" and back.replace(second=0) == value.replace(second=0)))


def to_text(field: FieldOptions, value: Any) -> str:
    """Raises CodecError: ``missing-field``, ``bad-value``."""
    if value is None:
        if field.required:
            raise CodecError("missing-field", field.name)
        return ""
    try:
        return _written(field, value)
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        raise CodecError("bad-value", field.name) from None


def _written(field: FieldOptions, value: Any) -> str:
    match field.type:
        case "int":
            if isinstance(value, bool) or int(value) != Decimal(value):
                raise ValueError
            return str(int(value))
        case "decimal":
            number = Decimal(value) if not isinstance(value, float) else Decimal(str(value))
            if not number.is_finite():
                raise ValueError
            if field.scale is None:
                return f"{number:f}"
            units = number.scaleb(field.scale)
            if units != units.to_integral_value():
                raise ValueError
            return str(int(units))
        case "bool":
            if not isinstance(value, bool):
                raise ValueError
            return field.yes if value else field.no
        case "date" | "time" | "datetime":
            return str(value.strftime(field.format or FORMATS[field.type]))
        case _:
            return plain_text(value)


def plain_text(value: Any) -> str:
    """A value without a declared type. Raises ValueError for a list or a mapping."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    if isinstance(value, date | time):
        return value.isoformat()
    raise ValueError


def from_text(field: FieldOptions, text: str) -> Any:
    """Raises CodecError: ``missing-field``, ``bad-field``."""
    if field.type == "text":
        return text
    text = text.strip(" ")
    if not text:
        if field.required:
            raise CodecError("missing-field", field.name)
        return None
    try:
        return _read(field, text)
    except (ValueError, InvalidOperation):
        raise CodecError("bad-field", field.name) from None


def _read(field: FieldOptions, text: str) -> Any:
    match field.type:
        case "int":
            if not _INT.fullmatch(text):
                raise ValueError
            return int(text)
        case "decimal":
            if not (_INT if field.scale is not None else _DECIMAL).fullmatch(text):
                raise ValueError
            return Decimal(text).scaleb(-(field.scale or 0)) if field.scale else Decimal(text)
        case "bool":
            if text not in (field.yes, field.no):
                raise ValueError
            return text == field.yes
        case _:
            found = datetime.strptime(text, field.format or FORMATS[field.type])
            return {"date": found.date(), "time": found.time()}.get(field.type, found)
