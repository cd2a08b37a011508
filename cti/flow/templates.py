"""Prompt texts with ``${…}`` parts."""

from __future__ import annotations

from cti.core.issue import Issue, Place
from cti.flow.expressions import Expression, parse
from cti.flow.model import Template

MAX_PROMPT = 2000


def parse_template(text: str, place: Place, quoted: bool) -> tuple[Template | None, list[Issue]]:
    """``place`` is that of the YAML scalar; ``$${`` writes a literal ``${``."""
    issues: list[Issue] = []
    if len(text) > MAX_PROMPT:
        return None, [Issue(place, "bad-option", f"a prompt has at most {MAX_PROMPT} characters; split it")]
    pieces: list[str | Expression] = []
    plain, index = "", 0
    while index < len(text):
        if text.startswith("$${", index):
            plain += "${"
            index += 3
        elif text.startswith("${", index):
            end = _end(text, index + 2)
            where = Place(place.file, place.line, place.col + quoted + index + 2)
            if end is None:
                issues.append(
                    Issue(where, "bad-expression", "'${' is never closed with '}'; write '$${' for the signs")
                )
                break
            parsed = parse(text[index + 2 : end], where)
            if isinstance(parsed, Issue):
                issues.append(parsed)
            else:
                pieces += [plain, parsed] if plain else [parsed]
                plain = ""
            index = end + 1
        else:
            plain += text[index]
            index += 1
    if plain:
        pieces.append(plain)
    return (None if issues else Template(tuple(pieces), place)), issues


def _end(text: str, start: int) -> int | None:
    """The ``}`` that ends the expression: not one inside a text literal."""
    quote = ""
    for index in range(start, len(text)):
        char = text[index]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "}":
            return index
    return None
