"""`cti feed`: records for other systems. `list` and `status` tell of feeds; `run` sends what is due, beside an engine,
too; `verify` proves a day."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.boss.feeds import FeedRunner


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("feed", help="records for other systems", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="which feeds there are")
    telling = verbs.add_parser("status", help="what arrived last, what waits, what failed")
    running = verbs.add_parser("run", help="send what is due")
    proving = verbs.add_parser("verify", help="prove that a day's batches sum to its report; status 1 if not")
    proving.add_argument("--day", required=True, type=_day, metavar="DATE", help="such as 2026-03-02")
    for verb in (listing, telling, proving):
        verb.add_argument("--json", action="store_true")
    for verb, run_ in ((listing, list_), (telling, status), (running, run), (proving, verify)):
        verb.add_argument("names", nargs="*", metavar="FEED", help="default: all")
        verb.set_defaults(run=run_)
        add_config(verb)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a day such as 2026-03-02, not {text[:40]!r}") from None


@contextmanager
def _runner(options: argparse.Namespace, *, sends: bool = False) -> Iterator[tuple[FeedRunner, list[str]]]:
    """``sends``: back ends are opened, where a feed goes to one."""
    from cti.app import open_accounts, open_reports
    from cti.app.feeding import make_feeds
    from cti.app.office import open_office
    from cti.app.parts import load_boss

    settings = settings_of(options)
    plan, folder = load_boss(settings)
    names = options.names or sorted(plan.feeds)
    asks = sends and any(name in plan.feeds and plan.feeds[name].socket is not None for name in names)
    with ExitStack() as stack:
        accounts = stack.enter_context(open_accounts(settings))
        reports = stack.enter_context(open_reports(settings))
        office = stack.enter_context(open_office(settings)) if asks else None
        runner = make_feeds(settings, lambda: plan.feeds, accounts.store.feeds, reports, time.time, folder, office)
        stack.callback(runner.close)
        for name in names:
            runner.plan(name)
        yield runner, names


def list_(options: argparse.Namespace) -> int:
    with _runner(options) as (runner, names):
        plans = [runner.plan(name) for name in names]
    if options.json:
        shown = [{"feed": plan.name, "kind": plan.options.kind, "way": plan.options.way} for plan in plans]
        return _json({"feeds": shown})
    for plan in plans:
        print(f"{plan.name}: {plan.options.kind} by {plan.options.way}, {plan.place}")
    return 0


def status(options: argparse.Namespace) -> int:
    """Exit status 1 where a batch failed and has not arrived since."""
    from cti.boss.feeds.shown import feed_json

    with _runner(options) as (runner, names):
        shown = [feed_json(runner.plan(name), runner.store.state(name)) for name in names]
    failing = any(one["last_error"] is not None for one in shown)
    if options.json:
        return _json({"feeds": shown}) or int(failing)
    for one in shown:
        last, waiting, error = one["last"], one["waiting"], one["last_error"]
        arrived = f"{last['number']} ({last['rows']} records) at {last['delivered_at']}" if last else "nothing yet"
        print(f"{one['feed']} ({one['kind']}, {one['way']}): last {arrived}")
        if waiting["batches"]:
            print(f"  waiting: {waiting['batches']} batches, {waiting['rows']} records from {waiting['oldest_at']} on")
        if error is not None:
            print(f"  {error['number']}: [{error['reason']}] at {error['at']}, {error['attempts']} attempts")
    return int(failing)


def run(options: argparse.Namespace) -> int:
    """Exit status 1 where one fails; the others are sent all the same."""
    from cti.core.errors import CtiError

    failed = False
    with _runner(options, sends=True) as (runner, names):
        for name in names:
            try:
                for file in runner.run(name):
                    print(f"{name}: {file.name} ({file.rows} records)")
            except CtiError as error:
                failed = True
                print(f"{name}: {error}", file=sys.stderr)
    return int(failed)


def verify(options: argparse.Namespace) -> int:
    """Exit status 1 where a batch is not what was noted, or the day's batches do not sum to its report."""
    with _runner(options) as (runner, names):
        proofs = [runner.verify(name, options.day) for name in names]
    good = all(proof.good for proof in proofs)
    if options.json:
        return _json({"feeds": [{**asdict(proof), "good": proof.good} for proof in proofs]}) or int(not good)
    for proof in proofs:
        said = "sum to the report" if proof.good else "do NOT prove the report"
        print(f"{proof.feed} {proof.day}: {len(proof.files)} batches of {proof.kind}, {said}; {proof.open} open")
        for name in proof.taken:
            print(f"  {name}: not there any more, proved by what was noted")
        for name, code in proof.faults:
            print(f"  {name}: [{code}]")
        for who, medium, count, report, files in proof.differences:
            print("  " + " ".join(part for part in (who, medium, f"{count}: report {report}, batches {files}") if part))
    return 0 if good else 1


def _json(shown: dict[str, Any]) -> int:
    json.dump(shown, sys.stdout, indent=2)
    print()
    return 0
