"""The switch's variable expansion, and how text gets through it unchanged.

Application arguments are expanded before the application sees them, ``${system(...)}`` included
(``switch_channel_expand_variables_check``, switch_channel.c:3986 of 1.10.12). Two doors to pass:

* a first look (`is_expanded`) decides whether the text is touched at all. If not, it arrives byte for byte, lone
  backslashes and dollars included, and must not be escaped;
* if so, ``\\\\`` stands for a backslash and ``\\$`` for a dollar, and text in which every one of both is escaped comes
  out as it was.

What comes out must pass a third one: an argument that then starts with ``%[`` or ``%?[`` sets channel variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from cti.esl.errors import EslError

_REFERENCE = re.compile(r"\$\\*\{")  # switch_string_var_check_const: "$", any backslashes, "{"
_SCOPE = re.compile(r"%.?\[", re.DOTALL)
_MAX_DEPTH = 100

API_DENIED = "<API Execute Permission Denied>"

#: Applications whose argument is expanded once, on its way in. Others (`set`, `bridge`, `conference`, …) may expand it
#: again, and no escaping survives an unknown number of rounds.
EXPANDED_ONCE = frozenset(
    """playback endless_playback speak say log info record record_session play_and_get_digits read gentones sleep
    answer pre_answer ring_ready park hangup respond""".split()  # noqa: SIM905
)


def is_expanded(text: str) -> bool:
    """Whether the switch looks closer at this argument: it holds a ``${`` or an escape that it knows."""
    if _REFERENCE.search(text):
        return True
    # The scan of switch_string_has_escaped_data: on from one backslash to the next, each pair looked at once.
    at = text.find("\\")
    while at >= 0:
        if text[at + 1 : at + 2] in ("\\", "n", "s", "t", "'"):
            return True
        at = text.find("\\", at + 1)
    return False


def refers(text: str) -> bool:
    """Whether the text holds what the switch reads as a reference to a variable or a call of an api function."""
    return _REFERENCE.search(text) is not None


def literal(text: str, application: str = "playback") -> str:
    """The argument that makes ``application`` see exactly ``text``.

    Raises EslError ``unsafe-text`` for text that starts like scope variables, and for references in the argument of
    an application that may expand it again.
    """
    if _SCOPE.match(text):
        raise EslError("an argument that starts with %[ would set channel variables", code="unsafe-text")
    if not is_expanded(text):
        return text
    if refers(text) and (application not in EXPANDED_ONCE or "phrase:" in text):
        raise EslError(f"{application} may expand a reference like ${{…}} again", code="unsafe-text")
    return text.replace("\\", "\\\\").replace("$", "\\$")


def expand(text: str, lookup: Callable[[str], str | None], _depth: int = 0) -> str:
    """What the switch makes of an argument, with API expansion off: the embedded switch's half of `literal`.

    ``lookup`` gives a channel variable's value, None for an unset one. ``${name:offset:length}`` is understood,
    indexes into arrays are not.
    """
    if _depth > _MAX_DEPTH or not is_expanded(text):
        return text
    out: list[str] = []
    at = 0
    while at < len(text):
        step, piece = _next_piece(text, at, lookup, _depth)
        out.append(piece)
        at += step
    return "".join(out)


def scoped(argument: str) -> tuple[str, dict[str, str]]:
    """``%[name=value,…]rest`` -> the rest, and the variables that the channel has while the application runs
    (switch_core_session_exec)."""
    if not argument.startswith("%[") or "]" not in argument:
        return argument, {}
    listed, _, rest = argument[2:].partition("]")
    pairs = (pair.partition("=") for pair in listed.split(",") if pair)
    return rest, {name: value for name, _, value in pairs}


def _next_piece(text: str, at: int, lookup: Callable[[str], str | None], depth: int) -> tuple[int, str]:
    """(characters read, characters written) at one place of the text, in the order of the switch's own tests."""
    if text[at] == "\\":
        following = text[at + 1 : at + 2]
        if following == "$":
            return (3 if text[at + 2 : at + 3] == "$" else 2), "$"
        if following == "'":
            return 2, ""
        if following == "\\":
            return 2, "\\"
        return 1, "\\"
    if text[at] != "$":
        return 1, text[at]
    width = 2 if text.startswith("$$", at) else 1
    if not text.startswith("{", at + width):
        return width, "$"
    name, end = _braced(text, at + width + 1)
    return end - at, _value_of(name, lookup, depth)


def _braced(text: str, begin: int) -> tuple[str, int]:
    """(what stands between the braces, offset after them); an unclosed one reaches to the end."""
    depth = 1
    for at in range(begin, len(text)):
        if text[at] == "}":
            depth -= 1
            if not depth:
                return text[begin:at], at + 1
        elif text[at] == "{" and at > begin:
            depth += 1
    return text[begin:], len(text)


def _value_of(name: str, lookup: Callable[[str], str | None], depth: int) -> str:
    if "(" in name or " " in name:
        return API_DENIED
    name, _, cut = expand(name, lookup, depth + 1).partition(":")
    value = lookup(name)
    if value is None:
        return ""
    value = expand(value, lookup, depth + 1)
    offset, _, length = cut.partition(":")
    value = value[_number(offset) :]
    return value[: _number(length)] if _number(length) > 0 else value


def _number(text: str) -> int:
    """C's atoi: 0 for what is no number."""
    match = re.match(r"\s*([+-]?[0-9]{1,9})", text)
    return int(match[1]) if match else 0
