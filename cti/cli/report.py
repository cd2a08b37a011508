"""`cti report`: queues, agents, flows and calls by period and interval; `verify` proves the counts."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.cli.common import add_config, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cti.runtime.reports.making import Period, Report

INTERVALS = ("15min", "hour", "day", "period")
NAMES = ("queues", "agents", "flows", "calls")
#: What fits on a screen; --csv and --json have all.
COLUMNS: Mapping[str, Sequence[str]] = {
    "queues": ("offered", "answered", "abandoned", "flow_out", "callback", "lost", "in_progress", "service_level_",
               "answer_rate", "asa_s", "aht_s", "ewt_error", "without_disposition", "disposition:"),
    "agents": ("offers", "accepted", "ring_no_answer", "handled", "talk_s", "hold_s", "work_s", "aht_s", "occupancy",
               "utilisation", "without_disposition", "disposition:"),
    "flows": ("runs", "ended", "contained", "queued", "errors", "containment", "mean_s"),
    "calls": ("calls", "answered", "queued", "handled", "mean_s", "first_contact_resolution", "without_disposition",
              "disposition:"),
}  # fmt: skip


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("report", help="counts and KPIs by period", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="REPORT")
    for name in NAMES:
        verb = verbs.add_parser(name, help=f"counts and KPIs of {name}")
        _add_period(verb)
        verb.add_argument("--interval", choices=INTERVALS, default="period", help="a row for each (default: one)")
        verb.add_argument("--within", type=int, default=20, metavar="N", help="service level within N s (default 20)")
        verb.add_argument("--fcr-days", type=int, default=7, metavar="N", help="window of first-contact resolution")
        how = verb.add_mutually_exclusive_group()
        how.add_argument("--csv", action="store_true", help="all figures; formulas in lines with # at the end")
        how.add_argument("--json", action="store_true")
        verb.set_defaults(run=show, report=name)
    proof = verbs.add_parser("verify", help="count again from the raw rows; status 1 when a count differs")
    _add_period(proof)
    proof.set_defaults(run=verify)


def _add_period(verb: argparse.ArgumentParser) -> None:
    for name, what in (("from", "begin"), ("to", "end")):
        verb.add_argument(
            f"--{name}", dest=what, required=True, type=_moment, metavar="TIME",
            help=f"{what}: 2026-03-02 or 2026-03-02T09:15, in the timezone of the settings",
        )  # fmt: skip
    add_config(verb)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a time such as 2026-03-02T09:15, not {text[:40]!r}") from None


def _period(options: argparse.Namespace, timezone: str, interval: str = "period") -> Period:
    from cti.runtime.reports.making import Interval, Period

    zone = ZoneInfo(timezone)
    begin, end = (
        at.replace(tzinfo=zone) if at.tzinfo is None else at for at in (options.begin, options.end)
    )  # fmt: skip
    return Period(begin.timestamp(), end.timestamp(), zone, Interval(interval))


def show(options: argparse.Namespace) -> int:
    from cti.app import open_reports
    from cti.runtime.reports.as_csv import write_csv
    from cti.runtime.reports.making import Options, make

    settings = settings_of(options)
    period = _period(options, settings.timezone, options.interval)
    asked = Options(within=options.within, fcr_days=options.fcr_days, now=time.time())
    with open_reports(settings) as reports:
        report = make(reports, options.report, period, asked)
    if options.json:
        json.dump(report.as_dict(), sys.stdout, ensure_ascii=False, indent=2)
        print()
    elif options.csv:
        write_csv(report, sys.stdout)
    else:
        _print(report)
    return 0


def _print(report: Report) -> None:
    wanted = COLUMNS[report.name]
    known = list(dict.fromkeys(name for row in [*report.rows, report.total] for name in row))
    keys = [name for name in ("begins", report.name.removesuffix("s")) if name in known]
    names = keys + [name for want in wanted for name in known if name == want or (want[-1] in "_:" and want in name)]
    names += [name for name in report.total if name not in known or name in ("transfer_rate", "csat")]
    table = [names]
    for row in [*report.rows, {"begins": "total", **report.total}]:
        table.append([_cell(row.get(name)) for name in names])
    widths = [max(len(line[index]) for line in table) for index in range(len(names))]
    print(f"{report.name} {report.since} to {report.until}")
    for line in table:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    for name, formula in report.formulas.items():
        print(f"{name}: {formula}")
    for note in report.notes:
        print(note)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def verify(options: argparse.Namespace) -> int:
    from cti.acd.counts import is_time
    from cti.app import open_reports

    settings = settings_of(options)
    period = _period(options, settings.timezone)
    wrong = 0
    with open_reports(settings) as reports:
        for found in reports.verify(int(period.since), int(period.until)):
            wrong += 1
            medium = f" ({found.medium})" if found.medium else ""
            place = f"{period.iso(found.begins)} {found.kind} {found.name}{medium}: {found.count}"
            unit = " ms" if is_time(found.count) else ""
            print(f"{place} is {found.kept}{unit}, the rows say {found.found}{unit}")
    print(f"{wrong} counts differ from the rows" if wrong else "all counts are what the rows say")
    return 1 if wrong else 0


__all__ = ["add_to"]
