"""`cti flow`: check flows, and call one from the terminal."""

from __future__ import annotations

import argparse
import difflib
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.core.errors import ConfigError
from cti.core.issue import Severity
from cti.core.script import ScriptError, Step, parse_script

if TYPE_CHECKING:
    from collections.abc import Iterable

FLOWS = Path("ivr_flows")


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("flow", help="check flows; call one from the terminal", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    checking = verbs.add_parser("check", help="all findings about the flows, with their places")
    checking.add_argument("--format", choices=("text", "json"), default="text")
    checking.set_defaults(run=check)
    testing = verbs.add_parser("test", help="run the tests that the flows carry, without a telephone")
    testing.add_argument("flow", nargs="?", help="only this flow")
    testing.set_defaults(run=test)
    calling = verbs.add_parser("call", help="a telephone call in the terminal")
    calling.add_argument("flow", help="the flow's id, such as hotline")
    calling.add_argument("--caller", default="13800000000", help="the caller's number; 'withheld' for none")
    calling.add_argument("--keys", type=_keys, metavar="1,2,h", help="type these (star, hash; h hangs up; 3s waits)")
    calling.add_argument("--json", action="store_true", help="one JSON object a line")
    calling.add_argument("--verbose", action="store_true", help="show the engine's log, too")
    calling.set_defaults(run=call)
    for verb in (checking, testing, calling):
        verb.add_argument("--flows", type=Path, default=FLOWS, metavar="FOLDER")


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


def test(options: argparse.Namespace) -> int:
    """A failure shows the dialogue: what the flow did on the left, what the caller did on the right."""
    from cti.app import load_flows

    library = load_flows(options.flows)
    if options.flow is not None:
        _known(options.flow, library.plans)
    failed = ran = 0
    for flow, results in library.run_tests().items():
        if options.flow not in (None, flow):
            continue
        for result in results:
            ran += 1
            failed += not result.passed
            print(f"{'ok    ' if result.passed else 'FAILED'} {flow}: {result.name}")
            for failure in result.failures:
                print(f"       {failure}")
            if not result.passed:
                print(result.table())
    print(f"{ran} test(s), {failed} failed")
    return int(failed > 0)


def _known(flow: str, flows: Iterable[str]) -> None:
    """Raises ConfigError with the flows that there are."""
    names = sorted(flows)
    if flow not in names:
        near = difflib.get_close_matches(flow, names, 1)
        remedy = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"
        raise ConfigError(f"there is no flow '{flow}'", code="unknown-flow", remedy=remedy)


def call(options: argparse.Namespace) -> int:
    """Place one call on a platform of its own. Exit status 1 when the call was not answered or the engine failed."""
    from cti.app import load_flows
    from cti.cli.phone import Phone, type_live
    from cti.demo import DIRECT, Demo

    logging.basicConfig(level=logging.INFO if options.verbose else logging.ERROR)
    _known(options.flow, load_flows(options.flows).plans)
    with tempfile.TemporaryDirectory(prefix="cti-call-") as folder:
        platform = Demo(Path(folder), options.flows, api_port=0, direct=options.flow).start()
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


def _keys(text: str) -> list[Step]:
    steps: list[Any] = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        waits = word[-1] in "sm" and word[0].isdigit()
        steps.append({"silence": word} if waits else word)
    try:
        return parse_script(steps)
    except ScriptError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
