"""Section `feeds:` of the interface server's file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import Field, field_validator

from cti.boss.ways.files.proving import is_plain
from cti.core.issue import Place
from cti.validating import Section

AT = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_DATE, _SEQ = "{date:%Y%m%d}", re.compile(r"\{seq:0([2-6])d\}")


class FeedSection(Section):
    kind: Literal["contacts"]
    name: str = Field("CONTACTS_{date:%Y%m%d}_{seq:03d}.txt", max_length=120, description="of a file")
    to: str = Field(min_length=1, description="a folder that is there, from the interfaces' file on")
    at: str = Field("01:00", pattern=AT, description="local time from which the day before is written")
    days: int = Field(7, ge=1, le=60, description="for so many days back late records are looked for")
    caller: str = Field("sensitive", description="class of the caller's number: security.classes")

    @field_validator("to")
    @classmethod
    def _folder(cls, text: str) -> str:
        if "://" in text:
            raise ValueError("files are written to a folder: write its path")
        return text

    @field_validator("name")
    @classmethod
    def _numbered(cls, text: str) -> str:
        rest = _SEQ.sub("", text.replace(_DATE, ""))
        if text.count(_DATE) != 1 or len(_SEQ.findall(text)) != 1 or "{" in rest or "}" in rest:
            raise ValueError(f"a name has {_DATE} once, {{seq:03d}} once, and no other braces")
        if not is_plain(name_of(text, date(2000, 1, 1), 1)) or text.endswith((".tmp", ".chk")):
            raise ValueError("this is no plain name of a file; .tmp and .chk are taken")
        return text


def name_of(pattern: str, day: date, seq: int) -> str:
    """``pattern``: proved."""
    dated = pattern.replace(_DATE, f"{day:%Y%m%d}")
    return _SEQ.sub(lambda found: f"{seq:0{found[1]}d}", dated)


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """``head``, ``tail``, ``whole``: how a caller's number is shown, as in `cti.boss.plans.FieldClass`."""

    name: str
    options: FeedSection
    place: Place
    head: int = 0
    tail: int = 0
    whole: bool = True
