"""`cti flow history|rollback`: the versions of a flow, and going back to one, beside a running engine."""

from __future__ import annotations

import getpass
import json
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.cli.common import add_config, settings_of
from cti.core.errors import CtiError
from cti.core.versions import Activation, Origin

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from cti.store.flow_versions import FlowVersions


def add_to(verbs: Any) -> None:
    listing = verbs.add_parser(
        "history", help="which versions of a flow callers met, when, by whom, and how they fared"
    )
    listing.add_argument("flow", help="or a file beside the flows: entry.yaml, notices.yaml, calendars/NAME.yaml")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=show)
    going = verbs.add_parser("rollback", help="let new calls meet an earlier version, until the file is edited again")
    going.add_argument("flow")
    going.add_argument("version", help="as `cti flow history` shows it, or the beginning of it")
    going.set_defaults(run=roll_back)
    for verb in (listing, going):
        add_config(verb)


def show(options: argparse.Namespace) -> int:
    from cti.app import open_flow_history

    settings = settings_of(options)
    with open_flow_history(settings) as history:
        lines = history.history(options.flow)
        if not lines:
            raise CtiError(f"nothing is known of a flow '{options.flow}'", code="unknown-flow", remedy=_SEE)
        active = history.active().get(options.flow)
        held = history.held().get(options.flow)
        met = [line.version for line in lines if line.version and not options.flow.endswith(".yaml")]
        figures = {version: history.figures(options.flow, version) for version in met}
    if options.json:
        from cti.api.flows import figures_json, history_json

        rows = [
            {**history_json(line), "figures": figures_json(figures[line.version]) if line.version in figures else None}
            for line in lines
        ]
        json.dump(rows, sys.stdout, ensure_ascii=False, indent=2)
        print()
        return 0
    _print(lines, active, ZoneInfo(settings.timezone))
    if held is not None:
        on = f"version {held.version[:12]} goes on" if held.version else "there is no version before it"
        print(f"\nheld back, {on}:")
        print("\n".join(f"  {finding}" for finding in held.note.splitlines()))
    if figures:
        print()
    for version, found in figures.items():
        print(f"{version[:12]}  {found}")
    return 0


def _print(lines: Sequence[Activation], active: Activation | None, zone: ZoneInfo) -> None:
    for line in lines:
        note = "" if line.origin is Origin.HELD_BACK else line.note
        mark = "*" if active is not None and line.number == active.number else " "
        at = datetime.fromtimestamp(line.at, zone).strftime("%Y-%m-%d %H:%M:%S")
        print(f"{mark} {at}  {line.version[:12]}  {line.origin.value:<11} {line.author}  {note}".rstrip())


def roll_back(options: argparse.Namespace) -> int:
    """Writes a line into the history; the engine notices it within seconds, checks the version and takes it."""
    from cti.app import open_flow_history

    if options.flow.endswith(".yaml"):
        raise CtiError(f"{options.flow} is no flow", code="unknown-flow", remedy="edit the file, and save it")
    with open_flow_history(settings_of(options)) as history:
        version = _find(history, options.flow, options.version)
        line = Activation(options.flow, version, time.time(), getpass.getuser(), Origin.ROLLBACK)
        history.write([], [line])
    print(f"flow {options.flow}: new calls meet version {version[:12]} as soon as the engine has checked it")
    return 0


def _find(history: FlowVersions, flow: str, version: str) -> str:
    found = history.find(flow, version)
    if len(found) > 1:
        raise CtiError(f"several versions of {flow} begin with {version}", code="ambiguous", remedy="give more of it")
    if not found:
        known = dict.fromkeys(line.version[:12] for line in history.history(flow, 10))
        remedy = f"there are {', '.join(known)}" if known else _SEE
        raise CtiError(f"flow {flow} has no version {version}", code="unknown-version", remedy=remedy)
    return found[0].version


_SEE = "GET /v1/flows shows the flows; the engine writes the history while it runs"
