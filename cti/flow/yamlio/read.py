"""Text to a located tree, within limits.

Nothing is composed or constructed by PyYAML: its pure-Python scanner gives events one at a time (the C one dies on
100,000 ``[``), and reading stops at the first limit passed. Tags, anchors, aliases and merge keys have no use in a
flow and are refused, which leaves no alias bomb and no ``!!python/object`` to think about.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import yaml

from cti.core.issue import Issue, Place
from cti.flow.yamlio import traps
from cti.flow.yamlio.located import Mapping, Node, Scalar, Sequence

MAX_BYTES = 1 << 20
MAX_DEPTH = 24
MAX_NODES = 40_000
KEPT_BYTES = 32 << 10


class _Refused(Exception):
    def __init__(self, issue: Issue) -> None:
        super().__init__(issue.message)
        self.issue = issue


def read_yaml(text: str | bytes, file: str) -> tuple[Node | None, list[Issue]]:
    """The tree, or None with the issues that say why there is none. Issues beside a tree: duplicate keys.

    Trees do not change, so the last ones of files of usual size are kept: a folder that is read again has, as a rule,
    one file that differs.
    """
    root, issues = _read_again(text, file) if len(text) <= KEPT_BYTES else _read(text, file)
    return root, list(issues)


def _read(text: str | bytes, file: str) -> tuple[Node | None, tuple[Issue, ...]]:
    issues: list[Issue] = []
    try:
        decoded = _decode(text, file)
        root = _Reader(decoded, file, issues).document()
    except _Refused as refused:
        return None, (*issues, refused.issue)
    return root, tuple(issues)


_read_again = lru_cache(maxsize=128)(_read)


def _decode(text: str | bytes, file: str) -> str:
    if len(text) > MAX_BYTES:
        raise _refusal(file, f"the file is larger than {MAX_BYTES:,} bytes; no more are read", 1)
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise _refusal(file, "this is not UTF-8 text; save the file as UTF-8", line) from None
    text = text.removeprefix("\ufeff")
    try:
        # PyYAML's own rule of what a text may contain; asked first so that a binary file is named as one.
        bad = yaml.reader.Reader.NON_PRINTABLE.search(text)
    except UnicodeError:  # pragma: no cover - lone surrogates cannot come from decoded bytes
        raise _refusal(file, "this is not text") from None
    if bad:
        line, col = _position(text, bad.start())
        raise _refusal(file, f"character {ord(bad.group()):#04x} does not belong in a text file", line, col)
    if not text.strip():
        raise _refusal(file, "the file is empty", 1, 1)
    return text


def _position(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


def _refusal(file: str, message: str, line: int = 0, col: int = 0) -> _Refused:
    return _Refused(Issue(Place(file, line, col or (1 if line else 0)), "bad-yaml", message))


class _Reader:
    def __init__(self, text: str, file: str, issues: list[Issue]) -> None:
        self.text = text
        self.lines = text.splitlines()
        self.file = file
        self.issues = issues
        self.nodes = 0
        self.events = self._events()

    def _events(self) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(self.text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            raise _Refused(traps.explain(error, self.lines, self.file)) from None
        except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
            raise _refusal(self.file, f"YAML cannot read this file: {error}") from None

    def document(self) -> Node:
        root: Node | None = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    line = self._place(event).line
                    raise _refusal(self.file, "'---' begins a second document; a file holds one", line)
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, 1)
        if root is None or (isinstance(root, Scalar) and root.missing):
            raise _refusal(self.file, "the file has only comments", 1, 1)
        return root

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        assert mark is not None, "the pure-Python scanner marks every event"
        return Place(self.file, mark.line + 1, mark.column + 1)

    def _node(self, event: yaml.Event, depth: int) -> Node:
        place = self._place(event)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _Refused(Issue(place, "bad-yaml", f"more than {MAX_NODES:,} values; split the file"))
        if depth > MAX_DEPTH:
            raise _Refused(Issue(place, "bad-yaml", f"nested more than {MAX_DEPTH} deep"))
        self._refuse_extras(event, place)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place, depth)
        return self._mapping(event, place, depth)

    def _refuse_extras(self, event: yaml.Event, place: Place) -> None:
        line = self.lines[place.line - 1] if place.line <= len(self.lines) else ""
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(traps.alias(line, place))
        tag, anchor = getattr(event, "tag", None), getattr(event, "anchor", None)
        if tag is not None:
            raise _Refused(traps.tag(tag, line, place))
        if anchor is not None:
            raise _Refused(traps.anchor(anchor, line, place))

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        comment, gap = "", 0
        if not event.style:
            comment, gap = self._comment_after(event)
        return Scalar(event.value, place, event.style or "", comment, gap)

    def _comment_after(self, event: yaml.ScalarEvent) -> tuple[str, int]:
        mark = event.end_mark
        assert mark is not None, "the pure-Python scanner marks every event"
        rest = self.lines[mark.line][mark.column :] if mark.line < len(self.lines) else ""
        stripped = rest.lstrip(" \t")
        if not stripped.startswith("#") or not event.value:
            return "", 0
        return stripped, len(rest) - len(stripped)

    def _sequence(self, place: Place, depth: int) -> Sequence:
        items: list[Node] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, depth + 1))
        return Sequence(tuple(items), place)

    def _mapping(self, start: yaml.Event, place: Place, depth: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._node(event, depth + 1)
            value = self._node(next(self.events), depth + 1)
            if not isinstance(key, Scalar):
                raise _Refused(traps.compound_key(self.lines, key.place))
            if key.text == "<<" and not key.style:
                raise _Refused(
                    Issue(key.place, "bad-yaml", "merge keys ('<<') are not used here; write the options out")
                )
            if self._comma_ended_text(start, key, value, event):
                message = f"',' ended the text before '{key.text[:40]}'; put quotes around the whole text"
                self.issues.append(Issue(key.place, "bad-yaml", message))
                continue
            if key.text in entries:
                first = entries[key.text][0].place
                message = f"'{key.text}' is given twice; the first is at line {first.line}, column {first.col}"
                self.issues.append(Issue(key.place, "duplicate-key", message))
                continue
            entries[key.text] = (key, value)
        return Mapping(tuple(entries.values()), place, bool(getattr(start, "flow_style", False)))

    def _comma_ended_text(self, start: yaml.Event, key: Scalar, value: Node, key_event: yaml.Event) -> bool:
        """``{say: one, two}``: what looks like a key without a value is the rest of a text."""
        mark = key_event.end_mark
        if not getattr(start, "flow_style", False) or key.style or mark is None:
            return False
        if not (isinstance(value, Scalar) and value.missing and not value.text):
            return False
        rest = self.lines[mark.line][mark.column :] if mark.line < len(self.lines) else ""
        return not rest.lstrip().startswith(":")
