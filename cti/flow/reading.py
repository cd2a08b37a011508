"""From located YAML to Python values, asked for by what is expected: the schema, not YAML, decides a type."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cti.core.issue import Issue, Place, Severity
from cti.flow.suggest import did_you_mean
from cti.flow.units import parse_duration
from cti.flow.yamlio import Mapping, Node, Scalar, Sequence
from cti.flow.yamlio.traps import quoted

MAX_TEXT = 10_000
#: Control characters, and those that turn the direction of what is shown: they would reach terminals, logs and phones.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
TRUE, FALSE = ("true", "yes"), ("false", "no")


@dataclass
class Reading:
    """Collects issues; every ``read_*`` returns None after it has reported one."""

    issues: list[Issue] = field(default_factory=list)
    languages: tuple[str, ...] = ()

    def report(self, place: Place, code: str, message: str, severity: Severity = Severity.ERROR) -> None:
        self.issues.append(Issue(place, code, message, severity))

    def mapping(self, node: Node, what: str, parts: Iterable[str] = ()) -> Mapping | None:
        """``parts``: the names that it can have, for who wrote something else."""
        if isinstance(node, Mapping):
            return node
        pattern = f"{{{', '.join(f'{name}: …' for name in parts)}}}, as far as needed" if parts else "'name: value'"
        self.report(node.place, "bad-option", f"{what} is a mapping of {pattern}; {_found(node)}")
        return None

    def sequence(self, node: Node, what: str) -> Sequence | None:
        if isinstance(node, Sequence):
            return node
        self.report(node.place, "bad-option", f"{what} is a list [… , …]; {_found(node)}")
        return None

    def scalar(self, node: Node, what: str) -> Scalar | None:
        if isinstance(node, Mapping) and node.flow_style:
            self.report(
                node.place, "bad-option", f"{what} is one value; YAML read a mapping here: put quotes around it"
            )
            return None
        if not isinstance(node, Scalar):
            self.report(node.place, "bad-option", f"{what} is one value; {_found(node)}")
            return None
        if node.missing:
            self.report(node.place, "bad-option", f"{what} has no value")
            return None
        if len(node.text) > MAX_TEXT:
            self.report(
                node.place, "bad-option", f"{what} has {len(node.text):,} characters; {MAX_TEXT:,} are the most"
            )
            return None
        if found := CONTROL.search(node.text):
            message = f"{what} holds the control character U+{ord(found.group()):04X}; take it out"
            self.report(node.place, "bad-option", message)
            return None
        return node

    def text(self, node: Node, what: str, spoken: bool = False) -> str | None:
        """A text. ``spoken``: a prompt, where any ``#`` behind an unquoted text counts as swallowed."""
        scalar = self.scalar(node, what)
        if scalar is None:
            return None
        if scalar.comment and (spoken or scalar.gap == 1):
            whole = quoted(f"{scalar.text} {scalar.comment}")
            message = f"YAML takes {scalar.comment!r} for a comment and reads only {scalar.text!r}; write {whole}"
            self.report(scalar.place, "bad-yaml", message + f", or {quoted(scalar.text)} before the comment")
            return None
        return scalar.text

    def word(self, node: Node, what: str) -> str | None:
        scalar = self.scalar(node, what)
        return scalar.text if scalar else None

    def choice(self, node: Node, what: str, allowed: Iterable[str]) -> str | None:
        text = self.word(node, what)
        if text is None or text in (allowed := tuple(allowed)):
            return text
        hint = did_you_mean(text, allowed) or f"; it is one of {', '.join(allowed)}"
        self.report(node.place, "bad-option", f"'{text}' is no {what}{hint}")
        return None

    def duration(self, node: Node, what: str) -> float | None:
        text = self.word(node, what)
        if text is None:
            return None
        seconds = parse_duration(text)
        if seconds is None:
            message = f"{what} is a duration such as 800ms, 5s, 1m30s; '{text[:40]}' is none{_clock_hint(text)}"
            self.report(node.place, "bad-option", message)
        return seconds

    def integer(self, node: Node, what: str, least: int = 0, most: int = 10**9) -> int | None:
        text = self.word(node, what)
        if text is None:
            return None
        digits = text.removeprefix("-")
        plain = digits.isascii() and digits.isdigit() and len(digits) < 19
        if not plain or (len(digits) > 1 and digits.startswith("0")) or not least <= int(text) <= most:
            hint = f"; write {int(digits)}" if plain and digits.startswith("0") and digits.strip("0") else ""
            self.report(node.place, "bad-option", f"{what} is a number from {least} to {most}, not '{text[:40]}'{hint}")
            return None
        return int(text)

    def flag(self, node: Node, what: str) -> bool | None:
        text = self.word(node, what)
        if text is None:
            return None
        if text.lower() in TRUE + FALSE:
            return text.lower() in TRUE
        self.report(node.place, "bad-option", f"{what} is true or false, not '{text[:40]}'")
        return None

    def unknown_key(self, key: Scalar, of: str, known: Iterable[str]) -> None:
        known = tuple(known)
        hint = did_you_mean(key.text, known) or (f"; known are {', '.join(known)}" if len(known) <= 14 else "")
        self.report(key.place, "unknown-option", f"'{key.text[:60]}' is not an option of {of}{hint}")


def _found(node: Node) -> str:
    if isinstance(node, Mapping):
        return "here is a mapping"
    if isinstance(node, Sequence):
        return "here is a list"
    return "nothing is here" if node.missing else f"here is '{node.text[:40]}'"


def _clock_hint(text: str) -> str:
    parts = text.split(":")
    if len(parts) == 2 and all(part.isdigit() and len(part) < 6 for part in parts):
        return f"; write {int(parts[0])}m{int(parts[1])}s"
    return f"; write {text}s" if text.isdigit() and len(text) < 6 else ""
