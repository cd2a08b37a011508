"""``frame:`` of a socket back end: where a message begins and ends, and what stands around its body."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from cti.validating import Section

MOST_BYTES = 16 * 1024 * 1024


class HeaderField(Section):
    """One field of the header or the trailer, always of the same size.

    ``const``: bytes that are always there (``"0xfefe"`` or text). ``dec``, ``hex``: a number in ASCII digits. ``bcd``:
    two digits a byte. ``uint``: binary. ``str``: text; the way to carry a code, of which zeros are a part.
    """

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,39}$")
    type: Literal["const", "dec", "hex", "bcd", "uint", "str"]
    size: int | None = Field(None, ge=1, le=1024, description="bytes; of a const its own")
    value: str | None = Field(None, description="of a const; of others: what is sent where nothing else is said")
    order: Literal["big", "little"] = Field("big", description="of a uint")
    pad: str | None = Field(None, min_length=1, max_length=1, description="of a str: default ' '")
    align: Literal["left", "right"] = Field("left", description="of a str")

    @property
    def constant(self) -> bytes | None:
        """The bytes of a const; None where ``value`` is missing or no hex."""
        if self.value is None:
            return None
        if not self.value.startswith("0x"):
            return self.value.encode()
        try:
            return bytes.fromhex(self.value[2:])
        except ValueError:
            return None

    @property
    def width(self) -> int:
        if self.type == "const":
            return len(self.constant or b"")
        return self.size or 0

    @property
    def numbers(self) -> int:
        """How many numbers it can carry: 0 to one less. 0 for a const."""
        base = {"dec": 10, "hex": 16, "bcd": 100, "uint": 256, "str": 10}.get(self.type)
        return 0 if base is None else int(base**self.width)


class LengthOptions(Section):
    """``counts``: ``after``: all behind the length field. ``adjust``: what the field says more than it should."""

    field: str
    counts: Literal["all", "body", "after", "after_no_trailer"] = "all"
    adjust: int = Field(0, ge=-4096, le=4096)


class ChecksumOptions(Section):
    """From the field ``from`` (or ``body``) to the end of the body."""

    alg: Literal["not_xor32", "crc32", "sum8", "sum16", "xor8", "lrc"]
    field: str
    from_: str = Field("body", alias="from")


class DelimiterOptions(Section):
    """``end`` and ``start``: text or ``0x…``. ``escape``: a byte before data that looks like them."""

    end: str = Field(min_length=1, max_length=18)
    start: str | None = Field(None, min_length=1, max_length=18)
    escape: str | None = Field(None, min_length=1, max_length=4)


class BodyPadding(Section):
    """``fill`` is added until the body is a multiple of ``multiple`` bytes, and taken off again."""

    multiple: int = Field(4, ge=2, le=64)
    fill: str = Field(" ", min_length=1, max_length=1)


class FrameOptions(Section):
    header: tuple[HeaderField, ...] = ()
    length: LengthOptions | None = None
    delimiter: DelimiterOptions | None = None
    trailer: tuple[HeaderField, ...] = ()
    checksum: ChecksumOptions | None = None
    body_pad: BodyPadding | None = None
    max_bytes: int = Field(262_144, ge=8, le=MOST_BYTES, description="of one whole frame, both ways")
    charset: str = "utf-8"

    @model_validator(mode="before")
    @classmethod
    def _delimiter_alone(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("delimiter"), str):
            return {**value, "delimiter": {"end": value["delimiter"]}}
        return value


def raw_bytes(text: str) -> bytes | None:
    """Text or ``0x…``; None for bad hex."""
    if not text.startswith("0x"):
        return text.encode()
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        return None
