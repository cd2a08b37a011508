"""Options of a back end that delivers files, and of a target on it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cti.boss.codecs import BodyOptions
from cti.boss.way import TargetOptions
from cti.boss.ways.files.transport import TransportOptions
from cti.validating import Section


class ChkOptions(Section):
    """The file beside the data that tells what was written; it comes last. One line."""

    suffix: str = Field(".chk", min_length=1, max_length=20)
    sep: str = Field("|", min_length=1, max_length=1)
    fields: tuple[Literal["name", "bytes", "rows", "md5", "sha256", "-"], ...] = ("name", "bytes", "rows", "md5")


class FeedOptions(Section):
    """Whole files, each of which takes the place of the one before. ``match`` has the groups ``seq`` and, where it
    begins anew each day, ``day``: they tell which file is the newest and whether one is missing."""

    match: str = Field(description="regular expression of the whole name: BILL_(?P<day>\\d{8})_(?P<seq>\\d{3})\\.txt")
    row: BodyOptions = Field(description="one record: delimited, fixed, keyvalue or json")
    charset: str = "utf-8"
    key: str = Field(description="the field by which it is asked; once in each file")
    ready: Literal["chk", "stable"] = Field(
        "chk", description="stable: no chk; size and time are those of the look before"
    )
    chk: ChkOptions = ChkOptions()
    gap: Literal["alarm", "hold"] = Field("alarm", description="hold: not loaded until what is missing has come")
    max_bytes: int = Field(67_108_864, ge=1, le=1_073_741_824)


class FilesBackend(TransportOptions):
    url: str = Field(description="a folder, from the interfaces' file on; or sftp://user@host:port/folder, ftps, ftp")
    every_s: float = Field(60.0, ge=0.01, le=86_400, description="how often it is looked for new files")
    feeds: dict[str, FeedOptions] = Field(min_length=1)


class FilesTarget(TargetOptions):
    feed: str = Field(description="a feed of the back end")
