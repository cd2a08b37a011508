"""`cti feed`: files for other systems. `run` writes what is due, beside an engine, too; `verify` proves a day."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.cli.common import add_config, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.boss.feeds import FeedRunner


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("feed", help="files for other systems", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    running = verbs.add_parser("run", help="write what is due")
    proving = verbs.add_parser("verify", help="prove that a day's files sum to its report; status 1 if not")
    proving.add_argument("--day", required=True, type=_day, metavar="DATE", help="such as 2026-03-02")
    proving.add_argument("--json", action="store_true")
    for verb, run_ in ((running, run), (proving, verify)):
        verb.add_argument("names", nargs="*", metavar="FEED", help="default: all")
        verb.set_defaults(run=run_)
        add_config(verb)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a day such as 2026-03-02, not {text[:40]!r}") from None


@contextmanager
def _runner(options: argparse.Namespace) -> Iterator[tuple[FeedRunner, list[str]]]:
    from cti.app import open_accounts
    from cti.app.parts import load_boss
    from cti.boss.feeds import FeedRunner

    settings = settings_of(options)
    plan, folder = load_boss(settings)
    with open_accounts(settings) as accounts:
        runner = FeedRunner(
            lambda: plan.feeds, accounts.store.feeds, time.time, ZoneInfo(settings.timezone), folder.absolute()
        )
        yield runner, options.names or sorted(plan.feeds)


def run(options: argparse.Namespace) -> int:
    with _runner(options) as (runner, names):
        for name in names:
            for file in runner.run(name):
                print(f"{name}: {file.name} ({file.rows} records)")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Exit status 1 where a file is not what was noted, or the day's files do not sum to its report."""
    with _runner(options) as (runner, names):
        proofs = [runner.verify(name, options.day) for name in names]
    if options.json:
        json.dump({"feeds": [{**asdict(proof), "good": proof.good} for proof in proofs]}, sys.stdout, indent=2)
        print()
        return 0 if all(proof.good for proof in proofs) else 1
    for proof in proofs:
        said = "sum to the report" if proof.good else "do NOT prove the report"
        print(f"{proof.feed} {proof.day}: {len(proof.files)} files, {said}; {proof.open} entries open")
        for name in proof.taken:
            print(f"  {name}: not in the folder any more, proved by what was noted")
        for name, code in proof.faults:
            print(f"  {name}: [{code}]")
        for queue, medium, count, report, files in proof.differences:
            print(f"  {queue} {medium} {count}: report {report}, files {files}")
    return 0 if all(proof.good for proof in proofs) else 1
