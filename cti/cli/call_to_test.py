"""`cti call to-test`: a flow test that goes the way of a past call, to be put below `tests:` of its flow."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.app import open_records
from cti.cli.call_common import add_call_id, at, full_id, recording_of, replay_plans
from cti.cli.common import add_config, settings_of
from cti.flow.to_test import make_test

if TYPE_CHECKING:
    import argparse


def add_to(verbs: Any) -> None:
    making = verbs.add_parser("to-test", help="a flow test made of a call", description=__doc__)
    add_call_id(making)
    making.add_argument("--name", help="the test's name (default: when the call was)")
    making.set_defaults(run=to_test)
    add_config(making)


def to_test(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    with open_records(settings) as store:
        recording = recording_of(store, full_id(store, options.call_id))
    plan = replay_plans(settings).today(recording.flow)
    if plan.version != recording.version:
        print("notice: the flow has changed since this call; the test is made for the present one", file=sys.stderr)
    started = at(recording.begun_us / 1e6, ZoneInfo(settings.timezone))
    print(make_test(recording, plan, options.name or f"as in the call of {started}"), end="")
    return 0
