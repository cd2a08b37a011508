"""What an author most likely meant when YAML read something else: the line, what YAML made of it, the quoted form."""

from __future__ import annotations

import re

import yaml

from cti.core.issue import Issue, Place

_INDICATORS = {
    "@": "'@' is reserved in YAML",
    "`": "a back-quote is reserved in YAML",
    "%": "'%' begins a YAML directive",
    "*": "'*' begins a YAML alias",
    "&": "'&' begins a YAML anchor",
    "!": "'!' begins a YAML tag",
    "|": "'|' begins a block text, which cannot stand inside {…} or […]",
    ">": "'>' begins a block text, which cannot stand inside {…} or […]",
}


MOST_SHOWN = 120  # characters of the file in a message


def quoted(text: str) -> str:
    """``text`` as a double-quoted YAML scalar; of a very long one the beginning."""
    text = text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def explain(error: yaml.MarkedYAMLError, lines: list[str], file: str) -> Issue:
    """Turn PyYAML's complaint into one that names the cause, at the place of the cause."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Issue(Place(file), "bad-yaml", str(error.problem or error.context or error))
    problem = error.problem or ""
    for rule in (
        _star_key,
        _tab,
        _hash_swallowed,
        _unclosed_quote,
        _dollar_brace,
        _comma_in_expression,
        _colon,
        _block_in_flow,
        _indicator,
    ):
        found = rule(error, problem, mark, lines)
        if found is not None:
            line, col, message = found
            message = message if len(message) <= 3 * MOST_SHOWN else message[: 3 * MOST_SHOWN] + "…"
            return Issue(Place(file, line + 1, col + 1), "bad-yaml", message)
    context = f" ({error.context})" if error.context else ""
    return Issue(Place(file, mark.line + 1, mark.column + 1), "bad-yaml", f"{problem}{context}")


_BRACKETS = tuple(f"but got '{sign}'" for sign in "{}[]?")
_Found = tuple[int, int, str] | None


def _line(lines: list[str], number: int) -> str:
    return lines[number] if 0 <= number < len(lines) else ""


def _star_key(error: yaml.MarkedYAMLError, problem: str, mark: yaml.Mark, lines: list[str]) -> _Found:
    if "alias" not in (error.context or ""):
        return None
    at = error.context_mark or mark
    line = _line(lines, at.line)
    if re.match(r"\*\s*:", line[at.column :]):
        return at.line, at.column, "YAML reads '*' as an alias; the star key is written 'star'"
    return at.line, at.column, f"YAML reads '*' as an alias; write {quoted(_token(line, at.column))}"


def _tab(error: yaml.MarkedYAMLError, problem: str, mark: yaml.Mark, lines: list[str]) -> _Found:
    if "'\\t'" not in problem:
        return None
    return mark.line, mark.column, "YAML does not take tabs for indentation; use spaces"


def _hash_swallowed(error: yaml.MarkedYAMLError, problem: str, mark: yaml.Mark, lines: list[str]) -> _Found:
    """A bracket was never closed because a ``#`` hid the rest of its line."""
    first = error.context_mark.line if error.context_mark else mark.line
    if not ("flow" in (error.context or "") or "flow" in problem):
        return None
    for number in range(max(0, min(first, mark.line) - 40), mark.line + 1):
        line = _line(lines, number)
        at = comment_start(line)
        if at is None or not line[:at].strip() or balance(line[:at]) <= 0 or balance(line[at:]) >= 0:
            continue
        rest = line[at:]
        if re.match(r"#\s*[:,}\]]", rest):
            return number, at, "YAML reads '#' as the beginning of a comment; the hash key is written 'hash'"
        last = max(line.rfind(sign, 0, at) for sign in ("[", "{", '"', "'"))
        colon = line.rfind(": ", 0, at)  # a comma behind it is one of the text's, not of a list
        start = (colon if colon > last else max(line.rfind(sign, 0, at) for sign in ":,[{")) + 1
        text = re.split(r",\s*[\w-]+:\s|[}\]]" if colon > last else r"[,}\]]", line[start:])[0].strip()
        return number, at, f"YAML takes everything from '#' on for a comment: {rest.strip()!r}; write {quoted(text)}"
    return None


def _unclosed_quote(error: yaml.MarkedYAMLError, problem: str, mark: yaml.Mark, lines: list[str]) -> _Found:
    if "quoted scalar" not in (error.context or "") or error.context_mark is None:
        return None
    at = error.context_mark
    if "escape" in problem:
        return mark.line, mark.column, f"{problem}; in \"…\" a backslash is written \\\\ (or use '…')"
    return at.line, at.column, "the quote that begins here is never closed"


def _dollar_brace(error: yaml.MarkedYAMLError, problem: str, mark: yaml.Mark, lines: list[str]) -> _Found:
    line = _line(lines, mark.line)
    before = line[: mark.column]
    if "expected ',' or" not in problem or not (problem.endswith(_BRACKETS) or "${" in before):
        return None
    sign = line[mark.column : mark.column + 1]
    start = _value_start(line, mark.column)
    text = _token_until(line, start)
    made = line[start : mark.column].strip()
    if sign == "?":
        return mark.line, start, f"a '?' inside {{…}} needs quotes; write {quoted(text)}"
    what = "${…}" if before.endswith("$") else f"'{sign}'"
    return (
        mark.line,
        start,
        f"{what} inside {{…}} needs quotes: YAML read {made!r} and then a new bracket; write {quoted(text)}",
    )


def _comma_in_expression(error: yaml.MarkedYAMLError, problem: str, mark: yaml.Mark, lines: list[str]) -> _Found:
    """``{x: =default(y, 'z')}``: the comma ended the value, the quote after it then made no sense."""
    line = _line(lines, mark.line)
    starts = [match.end() for match in re.finditer(r"[:,\[] ?(?==)", line[: mark.column])]
    if "expected ',' or" not in problem or not starts:
        return None
    text = _token_until(line, starts[-1])
    made = line[starts[-1] : mark.column].partition(",")[0].strip()
    return mark.line, starts[-1], f"',' ended the value: YAML read {made!r}; write {quoted(text)}"


def _colon(error: yaml.MarkedYAMLError, problem: str, mark: yaml.Mark, lines: list[str]) -> _Found:
    line = _line(lines, mark.line)
    if "mapping values are not allowed" in problem:
        match = re.match(r"\s*(?:- )*\s*[^\s:]+:\s+", line)
        start = match.end() if match and match.end() <= mark.column else None
        if start is None:
            return mark.line, mark.column, "a 'key: value' cannot stand here; check the indentation of this line"
        text = line[start:].rstrip()
    elif problem.endswith("but got ':'"):
        start = _value_start(line, mark.column)
        text = _token_until(line, start)
    else:
        return None
    made = line[start : mark.column].strip()
    return mark.line, start, f"': ' made YAML read {made!r} as a key; write {quoted(text)}"


def _block_in_flow(error: yaml.MarkedYAMLError, problem: str, mark: yaml.Mark, lines: list[str]) -> _Found:
    line = _line(lines, mark.line)
    if "but found '-'" in problem or "block sequence entries" in problem:
        message = "a '- ' list cannot stand inside {…}; write [item, item], or the whole node in lines below each other"
        return mark.line, mark.column, message
    if "found character" in problem and line[mark.column : mark.column + 1] in "|>":
        message = _INDICATORS[line[mark.column]]
        return mark.line, mark.column, f'{message}; write the text in one line in quotes: "…"'
    return None


def _indicator(error: yaml.MarkedYAMLError, problem: str, mark: yaml.Mark, lines: list[str]) -> _Found:
    line = _line(lines, mark.line)
    sign = line[mark.column : mark.column + 1]
    if "found character" not in problem or sign not in _INDICATORS:
        return None
    return mark.line, mark.column, f"{_INDICATORS[sign]}; write {quoted(_token(line, mark.column))}"


def alias(line: str, place: Place) -> Issue:
    text = quoted(_token(line, place.col - 1))
    return Issue(place, "bad-yaml", f"YAML reads '*' as an alias, and flows have none; for a text write {text}")


def anchor(name: str, line: str, place: Place) -> Issue:
    at = line.find("&" + name)
    text = quoted(_token(line, at if at >= 0 else place.col - 1))
    return Issue(place, "bad-yaml", f"YAML reads '&{name}' as an anchor, and flows have none; for a text write {text}")


def tag(name: str, line: str, place: Place) -> Issue:
    shown = name.replace("tag:yaml.org,2002:", "!!")
    return Issue(place, "bad-yaml", f"YAML tags ({shown}) are refused; a text that begins with '!' needs quotes")


def compound_key(lines: list[str], place: Place) -> Issue:
    line = _line(lines, place.line - 1)
    text = _token(line, place.col - 1)
    return Issue(
        place, "bad-yaml", f"YAML reads a bracket here as a key; a text that begins so needs quotes: {quoted(text)}"
    )


# ---- small scanners over one line, aware of quotes -----------------------------------------------------------


def comment_start(line: str) -> int | None:
    """Index of the ``#`` that begins a comment, None without one."""
    quote = ""
    for index, char in enumerate(line):
        if quote:
            if char == quote:
                quote = ""
        elif char in "\"'" and (index == 0 or line[index - 1] in " \t[{,:-"):
            quote = char
        elif char == "#" and (index == 0 or line[index - 1] in " \t[{,]}"):
            return index
    return None


def balance(text: str) -> int:
    """Opening minus closing brackets."""
    return sum(text.count(sign) for sign in "{[") - sum(text.count(sign) for sign in "}]")


def _value_start(line: str, before: int) -> int:
    """Where the value begins in which column ``before`` lies: after the last ``: `` or ``, `` before it."""
    best = 0
    for match in re.finditer(r"(?:: |, ?|\{ ?|\[ ?|- )", line[:before]):
        if match.group()[0] in "{[" and line[match.start() - 1 : match.start()] not in ("", " ", "{", "[", ",", ":"):
            continue
        if match.end() <= before:
            best = match.end()
    return best


def _token(line: str, start: int) -> str:
    return re.split(r",\s|[}\]]\s*$|\s#", line[start:])[0].strip()


def _token_until(line: str, start: int) -> str:
    """The text from ``start`` to the comma or bracket that ends it, brackets inside it kept."""
    depth = 0
    for index in range(start, len(line)):
        char = line[index]
        if char in "{[(":
            depth += 1
        elif char in "}])":
            if depth == 0:
                return line[start:index].strip()
            depth -= 1
        elif char == "," and depth == 0:
            return line[start:index].strip()
    return line[start:].strip()
