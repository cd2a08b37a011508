"""`cti flow test`: run the tests that the flows carry, without a telephone.

A failure shows the dialogue: what the flow did on the left, what the caller did on the right, `>` where something else
was expected.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.cli.flow_common import add_flows, chosen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cti.cli.junit import Ran
    from cti.flow import Plan


def add_to(verbs: Any) -> None:
    verb = verbs.add_parser("test", help="run the tests that the flows carry, without a telephone", description=__doc__)
    verb.add_argument("flow", nargs="?", help="only this flow")
    verb.add_argument("--cover", action="store_true", help="name the nodes and exits that no test takes")
    verb.add_argument(
        "--fail-under", type=_percent, metavar="N", help="with --cover: exit status 1 when a flow is covered less (%%)"
    )
    verb.add_argument("--junit", type=Path, metavar="FILE", help="write the results as JUnit XML, too")
    add_flows(verb)
    verb.set_defaults(run=test)


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"a percentage from 0 to 100, not {text[:20]!r}")
    return value


def test(options: argparse.Namespace) -> int:
    """Exit status 1 when a test fails or a flow is covered less than `--fail-under`."""
    from cti.app import load_flows

    plans = chosen(options.flow, load_flows(options.flows).plans)
    ran = {name: _run(plan) for name, plan in plans.items()}
    failed = sum(_tell(flow, tests) for flow, tests in ran.items())
    print(f"{sum(map(len, ran.values()))} test(s), {failed} failed")
    if options.junit is not None:
        from cti.cli.junit import write_junit

        write_junit(options.junit, ran)
    short = False
    if options.cover or options.fail_under is not None:
        short = _cover(plans, ran, options.fail_under or 0.0)
    return int(failed > 0 or short)


def _run(plan: Plan) -> list[Ran]:
    from cti.cli.junit import Ran
    from cti.flow.flowtests import run_test

    ran = []
    for one in plan.flows[plan.root].tests:
        begun = time.perf_counter()
        result = run_test(plan, one)
        ran.append(Ran(one.place, result, time.perf_counter() - begun))
    return ran


def _tell(flow: str, tests: Sequence[Ran]) -> int:
    """How many failed."""
    for one in tests:
        print(f"{'ok    ' if one.result.passed else 'FAILED'} {flow}: {one.result.name}")
        for failure in one.result.failures:
            print(f"       {failure}")
        if not one.result.passed:
            print(one.result.table())
    return sum(not one.result.passed for one in tests)


def _cover(plans: Mapping[str, Plan], ran: Mapping[str, Sequence[Ran]], least: float) -> bool:
    """True when a flow is covered less than ``least`` percent."""
    from cti.flow.coverage import cover

    covered = cover(plans, [one.result for tests in ran.values() for one in tests])
    for flow in covered:
        for missing in flow.missing:
            print(missing)
    for flow in covered:
        print(f"{flow.percent:5.1f} %  {flow.flow}: {flow.taken} of {flow.count} nodes and exits")
    return any(flow.percent < least for flow in covered)
