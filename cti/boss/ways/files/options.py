"""Options of a back end that delivers files or takes them, and of a target on it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

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


class DoneOptions(Section):
    """The file that comes last and says that the other one is whole."""

    name: str = Field("{name}.chk", max_length=60)
    body: str = Field("{name}|{bytes}|{rows}|{md5}\n", max_length=500, description="sha256 too")


class SendOptions(Section):
    """Questions are gathered for ``every_s`` and go as one file, a line each."""

    name: str = Field("REQ_{date:%Y%m%d}_{seq:06d}.txt", max_length=120, description="of a file")
    temp: str = Field("{name}.tmp", max_length=60, description="of a file that is not whole yet")
    done: DoneOptions | None = DoneOptions()
    every_s: float = Field(60.0, ge=0.01, le=86_400, description="from the first question on")
    max_rows: int = Field(5_000, ge=1, le=50_000, description="of a file; so many do not wait for every_s")
    seq: Literal["per_day", "continuous"] = Field("per_day", description="whether numbers begin anew each day")
    row: BodyOptions = Field(description="one question: delimited, fixed, keyvalue or json")
    charset: str = "utf-8"
    key: str = Field(description="the field of the row that takes the key")
    keep_days: float = Field(
        7.0, ge=2, le=3650, description="so long a key is remembered; longer than `idempotency.keep_s`"
    )


class AnswerOptions(FeedOptions):
    """Files of answers. ``match`` may have the groups of a feed: then a number that is missing is told."""

    match: str = Field(description="regular expression of the whole name")
    key: str = Field(description="the field with the key of the question")
    folder: str = Field("", max_length=200, description="where they come, from the folder of `url` on, or absolute")
    after: Literal["keep", "remove"] = Field("keep", description="what becomes of a file that was taken up")


class FilesBackend(TransportOptions):
    url: str = Field(description="a folder, from the interfaces' file on; or sftp://user@host:port/folder, ftps, ftp")
    every_s: float = Field(60.0, ge=0.01, le=86_400, description="how often it is looked for new files")
    feeds: dict[str, FeedOptions] = Field(default_factory=dict)
    send: SendOptions | None = None
    answers: AnswerOptions | None = Field(None, description="without: a request is done when its file stands there")

    @model_validator(mode="after")
    def _some(self) -> FilesBackend:
        if not self.feeds and self.send is None:
            raise ValueError("write 'feeds', for files that come, or 'send', for files that go")
        if self.answers is not None and self.send is None:
            raise ValueError(
                "'answers' are to what is sent: write 'send', or 'feeds' for files that come by themselves"
            )
        return self


class FilesTarget(TargetOptions):
    feed: str | None = Field(None, description="a feed of the back end; without: asked by a file that is sent")
    idempotent: bool = Field(True, description="a request with the same key is the same line")
