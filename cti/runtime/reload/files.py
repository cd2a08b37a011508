"""The files beside the flows that are versions of their own in the history: entry table, calendars, notices. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

from cti.core.issue import Issue, Severity

ENTRY, NOTICES = "entry.yaml", "notices.yaml"
_CALENDARS = "calendars/"


def is_file(name: str) -> bool:
    """Of a name in the history: a file's, not a flow's. Names of flows have no dot."""
    return name.endswith(".yaml")


def calendar_file(name: str) -> str:
    return f"{_CALENDARS}{name}.yaml"


def calendars_of(texts: Mapping[str, str]) -> dict[str, str]:
    """calendar -> text, of those among ``texts`` by file name."""
    return {
        file.removeprefix(_CALENDARS).removesuffix(".yaml"): text
        for file, text in texts.items()
        if file.startswith(_CALENDARS)
    }


def text_version(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def errors_of(issues: Iterable[Issue]) -> list[Issue]:
    return [issue for issue in dict.fromkeys(issues) if issue.severity is Severity.ERROR]
