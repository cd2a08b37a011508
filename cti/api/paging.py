"""Parameters of lists, and times as text."""

from __future__ import annotations

import difflib
import re
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from cti.api.problems import Problem
from cti.core import moments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import falcon

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
CURSOR_MAX = 200
#: Parameters of a list that is read page by page.
PAGED = ("limit", "after")
T = TypeVar("T")


def iso(seconds: float | None) -> str | None:
    """As `moments.iso`; None: there is no such moment."""
    return None if seconds is None else moments.iso(seconds)


def known_only(req: falcon.Request, known: tuple[str, ...]) -> None:
    """A filter with a typo must not answer with everything."""
    for name, value in req.params.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise Problem("bad-request", f"unknown parameter {name!r}; {hint}")
        if isinstance(value, list):
            raise Problem("bad-request", f"{name} is given {len(value)} times")
        if value == "":
            raise Problem("bad-request", f"{name} is empty; leave it out")


def limit_of(req: falcon.Request, default: int = LIMIT_DEFAULT) -> int:
    text = req.get_param("limit")
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= LIMIT_MAX:
        raise Problem("bad-request", f"limit must be a whole number from 1 to {LIMIT_MAX}, not {text!r}")
    return int(text)


def page_of(
    req: falcon.Request, found: Iterable[T], key: Callable[[T], str], *, newest_first: bool = False
) -> tuple[list[T], str | None]:
    """A page of a list that is read as a whole, and the cursor of the next one. ``key`` gives the order; no two have
    the same. All of it comes at once where nobody asks for less. Raises Problem."""
    limit, after = limit_of(req, LIMIT_MAX), req.get_param("after")
    if after is not None and not 1 <= len(after) <= CURSOR_MAX:
        raise Problem("bad-cursor", "after is the `next` of the page before")
    ordered = sorted(((key(one), one) for one in found), key=lambda pair: pair[0], reverse=newest_first)
    if after is not None:
        ordered = [pair for pair in ordered if (pair[0] < after if newest_first else pair[0] > after)]
    page = ordered[:limit]
    return [one for _, one in page], page[-1][0] if len(ordered) > limit else None


def by_time(at: float, id_: str) -> str:
    """A key of `page_of`."""
    return f"{at:017.6f}~{id_}"


def whole_of(req: falcon.Request, name: str, most: int) -> int:
    """A whole number from 0 to ``most``; 0 where it is not given. Raises Problem."""
    told = req.get_param(name)
    if told is None:
        return 0
    if not told.isascii() or not told.isdigit() or len(told) > 10 or int(told) > most:
        raise Problem("bad-request", f"{name} is a whole number from 0 to {most}")
    return int(told)


def time_of(req: falcon.Request, name: str) -> float | None:
    text = req.get_param(name)
    return None if text is None else parse_time(text, name)


def parse_time(text: str, name: str) -> float:
    """Seconds since the epoch. Raises Problem."""
    try:
        # A `+` of an offset that the client did not encode arrives as a space.
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Problem("bad-request", f"{name} must be ISO 8601 with an offset, such as 2026-03-02T10:00+08:00")
    return found.timestamp()


#: As reports have it.
PERIOD_MAX_S = 400 * 86400.0


def period_of(req: falcon.Request) -> tuple[float, float]:
    """``from`` and ``to``, both given: [since, until). Raises Problem."""
    since, until = time_of(req, "from"), time_of(req, "to")
    if since is None or until is None:
        raise Problem("bad-request", "give from and to, ISO 8601 with an offset")
    if not 0 < until - since <= PERIOD_MAX_S:
        raise Problem("bad-request", f"to is later than from, by {PERIOD_MAX_S / 86400:g} days at most")
    return since, until


def flag_of(req: falcon.Request, name: str) -> bool | None:
    text = req.get_param(name)
    if text is None:
        return None
    if text not in ("true", "false"):
        raise Problem("bad-request", f"{name} must be true or false")
    return text == "true"


def choice_of(req: falcon.Request, name: str, known: Iterable[str]) -> str | None:
    """One of ``known``. Raises Problem."""
    text, words = req.get_param(name), [str(word) for word in known]
    if text is not None and text not in words:
        raise Problem("bad-request", f"{name} must be one of {', '.join(words)}")
    return text
