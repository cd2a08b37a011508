"""Names of files that are sent, and what their chk says. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import date

from cti.boss.ways.files.proving import is_plain

_DATE, _SEQ = re.compile(r"\{date:([^{}]*)\}"), re.compile(r"\{seq:0([2-9])d\}")
_FORMAT = re.compile(r"(?:%[Ymdyj]|[-_.])+")
_LAST = date(9998, 12, 28)
CHK = ("name", "bytes", "rows", "md5", "sha256")


def name_of(pattern: str, day: date, seq: int) -> str:
    """``pattern``: proved."""
    dated = _DATE.sub(lambda found: day.strftime(found[1]), pattern)
    return _SEQ.sub(lambda found: f"{seq:0{found[1]}d}", dated)


def temp_of(pattern: str, name: str) -> str:
    return pattern.replace("{name}", name)


def prove_names(name: str, temp: str, done: str | None, *, per_day: bool) -> Iterator[tuple[str, str]]:
    """(option, what is wrong with it)."""
    formats = _DATE.findall(name)
    rest = _SEQ.sub("", _DATE.sub("", name))
    if len(_SEQ.findall(name)) != 1 or "{" in rest or "}" in rest:
        yield "name", "a name has {seq:06d} once, and besides it only {date:%Y%m%d}"
    elif not all(_FORMAT.fullmatch(one) for one in formats):
        yield "name", "a date is written by %Y, %y, %m, %d, %j, and - _ . between them"
    elif per_day and not any(_names_the_day(one) for one in formats):
        yield "name", "numbers begin anew each day, so the name has the whole date: {date:%Y%m%d}; or seq: continuous"
    elif not is_plain(name_of(name, _LAST, 1)):
        yield "name", "this is no plain name of a file"
    for option, pattern in (("temp", temp), ("done", done)):
        if pattern is None:
            continue
        if pattern.count("{name}") != 1 or pattern == "{name}" or not is_plain(temp_of(pattern, "x")):
            yield option, "write another plain name with {name} in it, such as {name}.tmp"
    if temp == done:
        yield "temp", "the temporary name is the one of the file that comes last"


def prove_chk(body: str) -> str | None:
    """What is wrong with it."""
    rest = re.sub(r"\{(?:" + "|".join(CHK) + r")\}", "", body)
    return "only {" + "}, {".join(CHK) + "} stand in braces" if "{" in rest or "}" in rest else None


def chk_of(body: str, name: str, data: bytes, rows: int) -> str:
    facts = {"name": name, "bytes": str(len(data)), "rows": str(rows)}
    for kind in ("md5", "sha256"):
        facts[kind] = hashlib.new(kind, data, usedforsecurity=False).hexdigest()
    for what, told in facts.items():
        body = body.replace("{" + what + "}", told)
    return body


def _names_the_day(form: str) -> bool:
    year = "%Y" in form or "%y" in form
    return year and ("%j" in form or ("%m" in form and "%d" in form))
