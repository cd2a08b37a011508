"""`cti backend status`: which back end is ill and why, as the running engine sees it. No personal data is in it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cti.cli.watch import add_api, fetch, key_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

PATH = "/v1/backends"
#: Reasons that say nothing of a back end's health: it was not asked, or its answer is awaited.
_NO_ILLNESS = frozenset({"breaker-open", "rate", "queue-full", "queue-late", "deadline", "awaited"})
_SHADOW = "~shadow"
_HEADS = ("BACK END", "WAY", "STATE", "BREAKER", "WAITING", "FAILED", "P50", "P99", "LAST FAILURE")
_WIDTHS = (16, 6, 8, 9, 7, 6, 7, 7)
_REASON_WIDTH = 25


def add_to(verbs: Any) -> None:
    verb = verbs.add_parser("status", help="which is ill, and why; status 1 if one is", description=__doc__)
    add_api(verb, "the state of back ends")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=show)


def show(options: argparse.Namespace) -> int:
    """Exit status 1 when one is ill. Raises CtiError."""
    found = [status_of(one) for one in _all(options.url, key_of(options.key_file))]
    if options.json:
        json.dump({"backends": found}, sys.stdout, indent=2, ensure_ascii=False)
        print()
    else:
        print("\n".join(table(found)))
    return 1 if any(one["state"] == "ill" for one in found) else 0


def status_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """Of a back end as the API gives it. ``state``: ``ill`` while a breaker of it is open or tries, those of shadow
    questions do not count; ``unasked``: nothing is known; ``ok``. ``failed_pct`` and ``p50_s``, ``p99_s`` are of all
    attempts since the engine started, None: there were none; percentiles as `percentile` gives them."""
    states = {service: state for service, state in one["services"].items() if not service.endswith(_SHADOW)}
    breaker = next((state for state in ("open", "half_open") if state in states.values()), "closed")
    asked = one["asked"]
    failed = sum(count for reason, count in one["failures"].items() if reason not in _NO_ILLNESS)
    return {
        "name": one["name"],
        "way": one["way"],
        "state": "ill" if breaker != "closed" else "ok" if asked else "unasked",
        "breaker": breaker,
        "ill_services": sorted(service for service, state in states.items() if state != "closed"),
        "retry_in_s": one["retry_in_s"],
        "running": one["running"],
        "waiting": one["waiting"],
        "asked": asked,
        "failed_pct": round(min(100.0, 100 * failed / asked), 1) if asked else None,
        "p50_s": percentile(one["latency"], 0.5),
        "p99_s": percentile(one["latency"], 0.99),
        "last_failure": one["last_failure"],
    }


def percentile(latency: Sequence[Mapping[str, Any]], share: float) -> float | str | None:
    """Upper bound in seconds of the bucket that holds it, ``>BOUND`` beyond the last one; None: nothing was counted."""
    total = sum(part["count"] for part in latency)
    if not total:
        return None
    so_far, last = 0, 0.0
    for part in latency:
        so_far += part["count"]
        if part["up_to_s"] is None:
            break
        last = part["up_to_s"]
        if so_far >= share * total:
            return float(last)
    return f">{last:g}"


def table(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """At most 100 columns; what is too long is cut, ``--json`` has it whole."""
    return [_line(_HEADS), *(_line(_cells(one)) for one in found)]


def _cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    failed, failure = one["failed_pct"], one["last_failure"]
    return (
        one["name"],
        one["way"],
        one["state"],
        one["breaker"],
        str(one["waiting"]),
        "-" if failed is None else f"{failed:.0f} %",
        _seconds(one["p50_s"]),
        _seconds(one["p99_s"]),
        "-" if failure is None else f"{failure['at'][5:19]} {failure['reason']}",
    )


def _line(cells: Sequence[str]) -> str:
    widths = (*_WIDTHS, _REASON_WIDTH)
    return " ".join(_cut(cell, width).ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _seconds(bound: float | str | None) -> str:
    return "-" if bound is None else f"{bound} s" if isinstance(bound, str) else f"{bound:g} s"


def _all(url: str, key: str) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    query = ""
    while True:
        page = fetch(url, PATH + query, key)
        found += page["items"]
        if not page.get("next"):
            return found
        query = f"?after={quote(page['next'], safe='')}"
