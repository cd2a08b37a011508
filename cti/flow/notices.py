"""Notices: what everybody concerned is told now. Which of them hold for a caller, and the file they are written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cti.core.commands import FindNotices, Say
from cti.core.events import FoundNotice
from cti.core.issue import Issue, Place, Severity
from cti.core.numbers import normalise_number
from cti.flow import yamlio
from cti.flow.entry import NumberPattern
from cti.flow.expressions.functions import area_code
from cti.flow.model import Flow
from cti.flow.phrases import clean_text
from cti.flow.reading import Reading
from cti.flow.speech import find_locale

OPTIONS = ("id", "say", "areas", "services", "numbers", "starts", "ends", "priority", "note")
MAX_SAID = 5  # in one call: who is told more listens to none


@dataclass(frozen=True, slots=True)
class Notice:
    """``texts`` by language. A condition that is empty always holds; ``starts`` and ``ends`` carry their offset, the
    end exclusive. The highest ``priority`` is said first."""

    id: str
    texts: Mapping[str, str]
    areas: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    numbers: tuple[NumberPattern, ...] = ()
    starts: datetime | None = None
    ends: datetime | None = None
    priority: int = 0
    place: Place = field(default=Place(""), compare=False)

    def holds(self, at: datetime) -> bool:
        return (self.starts is None or self.starts <= at) and not self.over(at)

    def over(self, at: datetime) -> bool:
        return self.ends is not None and self.ends <= at

    def concerns(self, area: str | None, service: str | None, number: str | None) -> bool:
        """Who is not known to be concerned is not told: an area or number must be known to match. A flow that asks
        for no service is told of all of them."""
        if self.areas and area not in self.areas:
            return False
        if self.services and service is not None and service not in self.services:
            return False
        return not self.numbers or (number is not None and any(pattern.fits(number) for pattern in self.numbers))


def find_notices(notices: Iterable[Notice], wanted: FindNotices) -> tuple[FoundNotice, ...]:
    """Those that hold and concern the caller, the most urgent first, at most `MAX_SAID`."""
    number = normalise_number(wanted.number) if wanted.number else None
    area = wanted.area or (area_code(number) if number else "") or None
    held = [n for n in notices if n.holds(wanted.at) and n.concerns(area, wanted.service, number)]
    held.sort(key=lambda notice: -notice.priority)
    return tuple(
        FoundNotice(n.id, dict(n.texts), n.ends.isoformat() if n.ends is not None else None) for n in held[:MAX_SAID]
    )


def notice_languages(flows: Iterable[Flow]) -> set[str]:
    """Every notice must be there in the languages of the flows that say notices."""
    told = [flow for flow in flows if any(node.type == "notice" for node in flow.nodes.values())]
    return {language for flow in told for language in flow.languages}


def notice_says(notices: Iterable[Notice]) -> list[Say]:
    """Every text of every notice, once: what is rendered ahead."""
    return list(
        dict.fromkeys(Say(clean_text(text), language) for one in notices for language, text in one.texts.items())
    )


@dataclass(frozen=True)
class NoticeLoad:
    """``notices`` is None when there is an error."""

    notices: tuple[Notice, ...] | None
    issues: list[Issue]


def load_notices(text: str | bytes, file: str, *, languages: Iterable[str] = ()) -> NoticeLoad:
    """A file with ``notices: [{id, say, areas, services, numbers, starts, ends, priority}, …]``. Every notice must
    have a text in each of ``languages``. Never raises for bad content."""
    root, issues = yamlio.read_yaml(text, file)
    reading = _Notices(issues, tuple(languages))
    top = reading.mapping(root, "the file of notices") if root is not None else None
    for key, _ in top or ():
        if key.text != "notices":
            reading.unknown_key(key, "the file of notices", ("notices",))
    listed = top.get("notices") if top is not None else None
    if top is not None and listed is None:
        reading.report(top.place, "missing-option", "'notices:' must be given; [] when there are none")
    found = reading.notices(listed) if listed is not None else []
    failed = any(issue.severity is Severity.ERROR for issue in reading.issues)
    return NoticeLoad(None if failed else tuple(found), reading.issues)


def given_notices(given: Any) -> tuple[tuple[Notice, ...], list[str]]:
    """Notices as a flow's test gives them: a text, a mapping as in the file (``id`` may be left out), or a list of
    such; with what is wrong in words."""
    items = given if isinstance(given, tuple | list) else (given,)
    reading = _Notices([], ())
    nodes = tuple(_node({"say": item} if isinstance(item, str) else item) for item in items)
    found = reading.notices(yamlio.Sequence(nodes, Place("")), named=False)
    return tuple(found), [issue.message for issue in reading.issues]


def read_notice(
    identity: str, document: Mapping[str, Any], languages: Iterable[str] = ()
) -> tuple[Notice | None, list[str]]:
    """One notice whose options (as in the file, without ``id``) come from elsewhere; with what is wrong in words."""
    options = {name: value for name, value in document.items() if value not in (None, "", [], {})}
    reading = _Notices([], tuple(languages))
    found = reading.notice(_node({**options, "id": identity}), "")
    failed = [issue.message for issue in reading.issues]
    return (None if failed else found), failed


def _node(value: Any) -> yamlio.Node:
    place = Place("")
    if isinstance(value, Mapping):
        return yamlio.Mapping(tuple((yamlio.Scalar(str(k), place), _node(v)) for k, v in value.items()), place)
    if isinstance(value, tuple | list):
        return yamlio.Sequence(tuple(_node(item) for item in value), place)
    return yamlio.Scalar(str(value), place)


class _Notices(Reading):
    def notices(self, node: yamlio.Node, named: bool = True) -> list[Notice]:
        found: dict[str, Notice] = {}
        listed = self.sequence(node, "notices")
        for number, item in enumerate(listed.items if listed else (), 1):
            notice = self.notice(item, "" if named else f"notice{number}")
            if notice is None:
                continue
            if notice.id in found:
                self.report(notice.place, "duplicate-key", f"there are two notices '{notice.id}'")
            found[notice.id] = notice
        return list(found.values())

    def notice(self, node: yamlio.Node, otherwise: str) -> Notice | None:
        options = self.mapping(node, "a notice")
        if options is None:
            return None
        for key, _ in options:
            if key.text not in OPTIONS:
                self.unknown_key(key, "a notice", OPTIONS)
        written = options.get("id")
        identity = self.word(written, "id") if written is not None else otherwise
        if not identity:
            self.report(options.place, "missing-option", "a notice needs an 'id'")
            return None
        if len(identity) > 64 or not identity.replace("-", "_").replace(".", "_").isidentifier():
            place = written.place if written else node.place
            self.report(place, "bad-name", f"'{identity[:40]}' is no id: letters, digits, '-' and '.'")
        say = options.get("say")
        if say is None:
            self.report(options.place, "missing-option", f"notice '{identity}' needs 'say'")
        texts = self.texts(say, identity) if say is not None else {}
        starts, ends = self.moment(options, "starts"), self.moment(options, "ends")
        if starts and ends and ends <= starts:
            self.report(options.place, "bad-option", f"notice '{identity}' ends before it starts")
        priority = options.get("priority")
        return Notice(
            identity,
            texts,
            frozenset(self.words(options, "areas")),
            frozenset(self.words(options, "services")),
            self.patterns(options),
            starts,
            ends,
            (self.integer(priority, "priority", 0, 100) or 0) if priority is not None else 0,
            node.place,
        )

    def texts(self, node: yamlio.Node, identity: str) -> dict[str, str]:
        """A text alone is in the first language of ``languages``."""
        pairs: list[tuple[str, yamlio.Node]] = []
        if isinstance(node, yamlio.Mapping):
            for key, value in node:
                if find_locale(key.text) is None:
                    self.report(key.place, "bad-option", f"'{key.text[:20]}' is no language tag such as zh-CN")
                else:
                    pairs.append((key.text, value))
        else:
            pairs.append((self.languages[0] if self.languages else "zh-CN", node))
        texts = {name: clean_text(self.text(value, f"say in {name}", spoken=True) or "") for name, value in pairs}
        for name, value in pairs:
            if len(texts[name]) > 1000 or not texts[name]:
                self.report(value.place, "bad-option", f"a notice has 1 to 1000 characters in {name}")
        for name in self.languages:
            if name not in texts:
                self.report(node.place, "missing-prompt", f"notice '{identity}' has no text in {name}")
        return texts

    def moment(self, options: yamlio.Mapping, name: str) -> datetime | None:
        node = options.get(name)
        word = self.word(node, name) if node is not None else None
        if node is None or word is None:
            return None
        try:
            moment = datetime.fromisoformat(word)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            message = f"'{word[:40]}' is no moment with its offset; write 2026-03-02T10:00+08:00"
            self.report(node.place, "bad-option", message)
            return None
        return moment

    def words(self, options: yamlio.Mapping, name: str) -> list[str]:
        node = options.get(name)
        if node is None:
            return []
        items = node.items if isinstance(node, yamlio.Sequence) else (node,)
        return [word for item in items if (word := self.word(item, name)) is not None]

    def patterns(self, options: yamlio.Mapping) -> tuple[NumberPattern, ...]:
        found = []
        for word in self.words(options, "numbers"):
            if not word or set(word) - set("0123456789+*?") or len(word) > 24:
                place = options.get("numbers")
                message = f"'{word[:30]}' is no number: digits, * for any rest, ? for any digit"
                self.report(place.place if place else options.place, "bad-option", message)
            else:
                found.append(NumberPattern(word))
        return tuple(found)
