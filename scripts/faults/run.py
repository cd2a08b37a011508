"""`scripts/chaos`: all faults against a platform of its own under load, and a table at the end (docs/chaos.md)."""

from __future__ import annotations

import argparse
import json
import platform
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from subprocess import SubprocessError

from sqlalchemy.exc import SQLAlchemyError

from scripts.faults.cluster import cluster
from scripts.faults.cluster_faults import cluster_faults
from scripts.faults.faults import Fault, all_faults
from scripts.faults.house import Plan, Platform, house
from scripts.faults.processes import uninterrupted
from scripts.faults.rounds import Round
from scripts.faults.verdict import Row, Seen, as_json, judge, skipped, table

BROKEN_OFF = 130  # as a shell says of Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: what was started is ended
    faults = chosen(options.fault, cluster_faults() if options.cluster else all_faults(long=options.long))
    plan = Plan(options.calls, options.switch, options.database, cluster=options.cluster)
    print(
        f"seed {options.seed}; {options.calls} calls; faults: {', '.join(fault.name for fault in faults)}", flush=True
    )
    began, suite = time.monotonic(), Suite(plan, options.seed, Path(options.keep) if options.keep else None)
    broken_off = False
    try:
        for fault in faults:
            suite.run(fault, options.repeat)
    except KeyboardInterrupt:
        broken_off = True
        print("\nbroken off; what was seen until then:", flush=True)
    finally:
        suite.close()
    print(f"\n{table(suite.rows)}\n\n{suite.about}; {time.monotonic() - began:.0f} s", flush=True)
    if options.json:
        told = {"about": suite.about, "seed": options.seed, "rows": [as_json(row) for row in suite.rows]}
        Path(options.json).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return BROKEN_OFF if broken_off else int(any(row.failed for row in suite.rows))


class Suite:
    """One platform for all faults; a new one after a repetition in which something did not hold."""

    def __init__(self, plan: Plan, seed: int, keep: Path | None = None) -> None:
        self.rows: list[Row] = []
        self.about = "nothing ran"
        self._plan, self._chance, self._keep = plan, random.Random(seed), keep
        self._stack, self._house, self._usual = ExitStack(), None, {}  # type: ExitStack, Platform | None, dict[str, int]

    def run(self, fault: Fault, repetitions: int) -> None:
        seen: list[Seen] = []
        for _ in range(repetitions):
            try:
                running = self._ready()
                if why := fault.refused(running):
                    self._add(skipped(fault.name, why))
                    return
                one = Round(running, fault, self._chance, self._usual).run()
            except (OSError, RuntimeError, AssertionError, SubprocessError, SQLAlchemyError) as error:
                one = Seen((), None, notes=(f"broken off: {str(error).splitlines()[0][:160]}",))
            seen.append(one)
            if judge(fault.name, fault.expected, [one]).failed or self._house is None or not running.whole():
                self.close()
        self._add(judge(fault.name, fault.expected, seen))

    def _ready(self) -> Platform:
        if self._house is None:
            folder = Path(
                self._stack.enter_context(tempfile.TemporaryDirectory(prefix="cti-chaos-", ignore_cleanup_errors=True))
            )
            if self._keep is not None:
                folder = self._keep / f"{len(self.rows)}-{folder.name}"
                folder.mkdir(parents=True)
            folder.chmod(0o755)  # PostgreSQL's user comes through
            start = cluster if self._plan.cluster else house
            self._house = self._stack.enter_context(start(folder, self._plan))
            Round(self._house, Fault(), self._chance, {}).run()  # what is made at the first calls is there from now on
            self._usual = self._house.held()
            store = "PostgreSQL" if self._house.postgresql else "SQLite"
            self.about = f"{self._house.switch.version()}, {store}, Python {platform.python_version()}"
        return self._house

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        print(table([row]).splitlines()[-1], flush=True)

    def close(self) -> None:
        with uninterrupted():
            self._stack.close()
        self._house = None


def chosen(names: Sequence[str] | None, faults: Sequence[Fault]) -> list[Fault]:
    """Raises SystemExit for a name that there is not."""
    known = {fault.name: fault for fault in faults}
    for name in names or ():
        if name not in known:
            raise SystemExit(f"no fault {name}; there are: {', '.join(known)}")
    return [known[name] for name in names] if names else list(faults)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--calls", type=int, default=50, metavar="N", help="calls that are up when a fault comes (50)")
    parser.add_argument("--fault", action="append", metavar="NAME", help="only this one; may be said again")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="repetitions of each (1)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of callers and of who does what (1)")
    parser.add_argument("--switch", choices=("auto", "embedded", "freeswitch"), default="auto")
    parser.add_argument("--database", choices=("auto", "sqlite", "postgresql"), default="auto")
    parser.add_argument("--cluster", action="store_true", help="against a cluster, with the faults of one (PostgreSQL)")
    parser.add_argument("--long", action="store_true", help="the engine is stopped for 30 s and for 120 s, too")
    parser.add_argument("--json", metavar="FILE", help="the table, for programs")
    parser.add_argument("--keep", metavar="FOLDER", help="logs and data stay there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
