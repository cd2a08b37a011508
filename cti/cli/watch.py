"""`cti watch`: a wallboard in the terminal. Queues, agents and the service level, live, by the API."""

from __future__ import annotations

import json
import sys
import unicodedata
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent

from cti.cli.common import DEMO_CONFIG
from cti.core.errors import CtiError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

TIMEOUT_S = 5.0
_HOME, _CLEAR_BELOW, _CLEAR_LINE = "\x1b[H", "\x1b[J", "\x1b[K"
_DIM, _BOLD, _RED, _GREEN, _YELLOW, _PLAIN = (f"\x1b[{code}m" for code in ("2", "1", "31", "32", "33", "0"))
_COLOURS = {"READY": _GREEN, "NOT_READY": _YELLOW, "LOGOUT": _DIM}


def add_api(verb: argparse.ArgumentParser, reads: str) -> None:
    """Options ``url`` and ``key_file`` of a command that asks the API. ``reads``: what its key must be good for."""
    verb.add_argument("--url", default="http://127.0.0.1:8080", help="of the API (default: %(default)s)")
    verb.add_argument(
        "--key-file", type=Path, default=DEMO_CONFIG.parent / "api-key",
        help=f"file with an API key that may read {reads} (default: the demo's, %(default)s)",
    )  # fmt: skip


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("watch", help="a wallboard: queues, agents, service level, live", description=__doc__)
    add_api(noun, "queues and agents")
    noun.add_argument("--every", type=float, default=1.0, help="seconds between two looks (default: %(default)s)")
    noun.add_argument("--once", action="store_true", help="print it once, without colours")
    noun.set_defaults(run=watch)


def watch(options: argparse.Namespace) -> int:
    """Raises CtiError when the API cannot be asked the first time; later it says so on the board, and goes on."""
    key = key_of(options.key_file)

    def ask(path: str) -> Any:
        return fetch(options.url, path, key)

    board = draw(ask("/v1/queues")["items"], agents_of(ask), datetime.now(), coloured=not options.once)
    if options.once:
        print(board)
        return 0
    sys.stdout.write("\x1b[2J")
    while True:
        _show(board)
        gevent.sleep(max(0.2, options.every))
        try:
            board = draw(ask("/v1/queues")["items"], agents_of(ask), datetime.now(), coloured=True)
        except CtiError as error:
            board = f"{_RED}{error}{_PLAIN}"


def key_of(file: Path) -> str:
    """An API key. Raises CtiError (no-key)."""
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise CtiError(
            f"cannot read {file}: {error.strerror}",
            code="no-key",
            remedy="`cti user key` makes one; the demo writes its own",
        ) from error


def fetch(url: str, path: str, key: str) -> Any:
    """Raises CtiError (api-unreachable, api-refused)."""
    request = urllib.request.Request(url.rstrip("/") + path, headers={"X-API-Key": key})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise CtiError(f"{path}: the API answers {error.code}", code="api-refused") from error
    except (OSError, ValueError) as error:
        raise CtiError(f"no answer from {url}: {error}", code="api-unreachable", remedy="is `cti serve` up?") from error


def agents_of(ask: Callable[[str], Any]) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    path = "/v1/agents?limit=200"
    while True:
        page = ask(path)
        found += page["items"]
        if not page.get("next"):
            return found
        path = f"/v1/agents?limit=200&after={page['next']}"


def draw(queues: Sequence[dict[str, Any]], agents: Sequence[dict[str, Any]], now: datetime, *, coloured: bool) -> str:
    """The board as text; ``queues`` and ``agents`` as /v1/queues and /v1/agents give them."""

    def in_colour(colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if coloured else text

    lines = [in_colour(_BOLD, f"{'QUEUE':<14}{'WAIT':>6}{'LONGEST':>9}{'EXPECT':>8}{'ERROR':>7}{'LEVEL':>8}"
                              f"{'STAFFED':>9}{'READY':>7}{'TALK':>6}{'WORK':>6}{'BREAK':>7}")]  # fmt: skip
    for queue in queues:
        level = queue["service_level"] or {}
        value = level.get("value")
        shown = "–" if value is None else f"{value:.0%}"
        wrong = queue["expected_wait_error"]
        error = "–" if wrong is None else f"{wrong:.0%}"
        waiting = in_colour(_RED if queue["waiting"] else _PLAIN, f"{queue['waiting']:>6}")
        closed = "" if queue["opened"] else "  closed"
        longest, expected = _clock(queue["longest_wait_s"]), _clock(queue["expected_wait_s"])
        lines.append(
            f"{fit(queue['queue'], 14)}{waiting}{longest:>9}{expected:>8}{error:>7}"
            f"{shown:>8}{queue['staffed']:>9}{queue['ready']:>7}{queue['talking']:>6}{queue['work']:>6}"
            f"{queue['not_ready']:>7}{closed}"
        )
    lines += ["", in_colour(_BOLD, f"{'AGENT':<14}{'NAME':<16}{'STATE':<12}{'REASON':<18}{'SINCE':>7}  CONTACTS")]
    for agent in agents:
        state = in_colour(_COLOURS.get(agent["state"], _PLAIN), f"{agent['state']:<12}")
        since = "" if not agent.get("since") else _since(agent["since"], now)
        lines.append(
            f"{fit(agent['agent'], 14)}{fit(agent.get('name') or '', 16)}{state}{fit(agent.get('reason') or '', 18)}"
            f"{since:>7}  {len(agent.get('contacts') or ()) or ''}"
        )
    lines += ["", in_colour(_DIM, f"{now:%H:%M:%S}   service level: answered in time / (answered + abandoned − short)")]
    return "\n".join(lines)


def fit(text: str, width: int) -> str:
    """Cut or filled to so many columns; Chinese letters take two."""
    shown, used = "", 0
    for char in text:
        columns = 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if used + columns > width - 1:
            break
        shown, used = shown + char, used + columns
    return shown + " " * (width - used)


def _clock(seconds: float | None) -> str:
    return "–" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _since(moment: str, now: datetime) -> str:
    began = datetime.fromisoformat(moment)
    return _clock(max(0.0, (now.astimezone() - began).total_seconds()))


def _show(board: str) -> None:
    """Over the one before, so that nothing flickers."""
    sys.stdout.write(_HOME + "".join(line + _CLEAR_LINE + "\n" for line in board.splitlines()) + _CLEAR_BELOW)
    sys.stdout.flush()
