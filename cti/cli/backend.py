"""`cti backend`: the back office's systems. `check` opens connections of its own; the others ask the engine."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from cti.cli import backend_status, differences
from cti.cli.common import add_config, settings_of
from cti.core.errors import CtiError

if TYPE_CHECKING:
    import argparse

    from cti.boss import InterfaceServer


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("backend", help="the back office's systems", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    checking = verbs.add_parser("check", help="try each: connect, log in, greet")
    checking.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    checking.add_argument("--seconds", type=float, default=5.0, help="how long each may take (default: 5)")
    checking.add_argument("--json", action="store_true")
    checking.set_defaults(run=check)
    add_config(checking)
    backend_status.add_to(verbs)
    differences.add_to(verbs)


def check(options: argparse.Namespace) -> int:
    """Exit status 1 when one of them does not let us in."""
    from cti.app.office import open_office

    with open_office(settings_of(options)) as office:
        names = options.names or sorted(office.plan.backends)
        for name in names:
            if name not in office.plan.backends:
                raise CtiError(f"there is no back end '{name}'", code="unknown-backend")
        found = [_tried(office, name, options.seconds) for name in names]
    if options.json:
        json.dump({"backends": found}, sys.stdout, indent=2)
        print()
    else:
        for one in found:
            said = "ok" if one["ok"] else f"{one['outcome']}: {one['reason']}"
            print(f"{one['name']:<24} {one['way']:<8} {one['took_ms']:>8.1f} ms  {said}")
    return 0 if all(one["ok"] for one in found) else 1


def _tried(office: InterfaceServer, name: str, seconds: float) -> dict[str, Any]:
    from cti.boss.way import WayError

    began, outcome, reason = time.monotonic(), None, None
    try:
        office.probe(name, seconds)
    except WayError as error:
        outcome, reason = error.outcome, error.reason
    took = round((time.monotonic() - began) * 1000, 1)
    way = office.plan.backends[name].kind.name
    return {"name": name, "way": way, "ok": outcome is None, "outcome": outcome, "reason": reason, "took_ms": took}
