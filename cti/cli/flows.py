"""`cti flow`: check flows, and call one from the terminal."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from cti.cli.flow_common import add_flows, need_known
from cti.core.issue import Severity
from cti.core.script import ScriptError, Step, parse_script


def add_to(nouns: Any) -> None:
    from cti.cli import flow_entry, flow_explore, flow_graph, flow_history, flow_reference, flow_schema, flow_test

    noun = nouns.add_parser("flow", help="check flows; call one from the terminal", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    checking = verbs.add_parser("check", help="all findings about the flows, with their places")
    checking.add_argument("--format", choices=("text", "json"), default="text")
    checking.set_defaults(run=check)
    calling = verbs.add_parser("call", help="a telephone call in the terminal")
    calling.add_argument("flow", help="the flow's id, such as hotline")
    calling.add_argument("--caller", default="13800000000", help="the caller's number; 'withheld' for none")
    calling.add_argument("--keys", type=_keys, metavar="1,2,h", help="type these (star, hash; h hangs up; 3s waits)")
    calling.add_argument(
        "--at", type=_moment, metavar="MOMENT", help="what callers hear then, such as 2026-11-25T23:00+08:00"
    )
    calling.add_argument("--json", action="store_true", help="one JSON object a line")
    calling.add_argument("--verbose", action="store_true", help="show the engine's log, too")
    calling.set_defaults(run=call)
    for verb in (checking, calling):
        add_flows(verb)
    for module in (flow_test, flow_explore, flow_schema, flow_graph, flow_reference, flow_history, flow_entry):
        module.add_to(verbs)


def check(options: argparse.Namespace) -> int:
    from cti.app import check_flows

    issues = check_flows(options.flows)
    if options.format == "json":
        json.dump([issue.as_dict() for issue in issues], sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        for issue in issues:
            print(issue)
        errors = sum(issue.severity is Severity.ERROR for issue in issues)
        print(f"{errors} error(s), {len(issues) - errors} warning(s)")
    return int(any(issue.severity is Severity.ERROR for issue in issues))


def call(options: argparse.Namespace) -> int:
    """Place one call on a platform of its own. Exit status 1 when the call was not answered or the engine failed."""
    from cti.app import load_flows
    from cti.cli.phone import Phone, type_live
    from cti.demo import DIRECT, Demo

    logging.basicConfig(level=logging.INFO if options.verbose else logging.ERROR)
    need_known(options.flow, load_flows(options.flows).plans)
    with tempfile.TemporaryDirectory(prefix="cti-call-") as folder:
        platform = Demo(Path(folder), options.flows, api_port=0, direct=options.flow, at=options.at).start()
        try:
            platform.application.wait_until_up(10.0)
            phone = Phone(as_json=options.json)
            number = "anonymous" if options.caller == "withheld" else options.caller
            caller = platform.call(number, DIRECT, options.keys or (), phone.observe)
            if options.keys is None and sys.stdin.isatty():
                print("   keys are keys of the telephone; h hangs up")
                type_live(caller, phone)
            phone.done.wait()
        finally:
            platform.stop()
    return int(phone.cause != "NORMAL_CLEARING")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"a moment with its offset such as 2026-11-25T23:00+08:00, not {text[:40]!r}")
    return moment


def _keys(text: str) -> list[Step]:
    steps: list[Any] = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        waits = word[-1] in "sm" and word[0].isdigit()
        steps.append({"silence": word} if waits else word)
    try:
        return parse_script(steps)
    except ScriptError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
