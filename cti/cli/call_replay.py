"""`cti call replay`: past calls against today's flows, or others: what would be different?"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.app import open_records
from cti.cli.call_common import add_call_id, full_id, recording_of, replay_plans, since
from cti.cli.common import add_config, settings_of
from cti.core.errors import CtiError
from cti.core.records import CallFilter
from cti.flow.replay import KINDS, replay
from cti.flow.replay_columns import columns
from cti.flow.replay_recording import NoRecording, read_recording
from cti.flow.yamlio import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.core.records import CallJournal, CallRow
    from cti.flow import Plan
    from cti.flow.replay import Replay
    from cti.ports import Store

PAGE = 500


def add_to(verbs: Any) -> None:
    replaying = verbs.add_parser("replay", help="past calls against today's flows", description=__doc__)
    add_call_id(replaying, nargs="?")
    replaying.add_argument("--since", type=since, metavar="2h|DATE", help="all calls since then, differences by node")
    against = replaying.add_mutually_exclusive_group()
    against.add_argument("--flow", type=Path, metavar="FILE", help="against this file instead of today's")
    against.add_argument("--recorded", action="store_true", help="against the version that met the call")
    replaying.add_argument(
        "--answer", action="append", default=[], type=_answer, metavar="NAME=VALUE",
        help="what nothing recorded answers, as in a test's `given`: subscriber.get=timeout",
    )  # fmt: skip
    replaying.add_argument("--whole", action="store_true", help="show the whole call, not only where it differs")
    replaying.add_argument("--json", action="store_true")
    replaying.set_defaults(run=replay_calls)
    add_config(replaying)


def _answer(text: str) -> tuple[str, Any]:
    from cti.flow.load_tests import plain

    name, equals, value = text.partition("=")
    root, issues = read_yaml(f"v: {value}", "--answer")
    found = root.get("v") if root is not None and hasattr(root, "get") else None
    if not equals or issues or found is None:
        raise argparse.ArgumentTypeError(f"NAME=VALUE, such as subscriber.get=timeout, not {text[:60]!r}")
    return name, plain(found)


def replay_calls(options: argparse.Namespace) -> int:
    """0: nothing would differ; 1: something would."""
    if (options.call_id is None) == (options.since is None):
        raise CtiError("either a call or --since", code="usage", remedy="cti call replay ID, or --since 2h")
    plans = _Against(options)
    with open_records(plans.settings) as store:
        if options.since is not None:
            return _many(store, plans, options)
        call_id = full_id(store, options.call_id)
        recording = recording_of(store, call_id)
    plan = plans.plan(recording.flow, recording.version)
    found = replay(recording, plan, dict(options.answer))
    if options.json:
        json.dump(_as_json(call_id, found), sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        _print_one(found, plan, whole=options.whole)
    return int(not found.same)


class _Against:
    """The plan to replay a call against, as the options say; what is missing is said once."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.settings = settings_of(options)
        self._plans = replay_plans(self.settings)
        self._of_file: Plan | None = self._plans.of_file(options.flow) if options.flow else None
        self._recorded = options.recorded
        self._said: set[str] = set()

    @property
    def only(self) -> str | None:
        """Calls of this flow alone; None: of any."""
        return self._of_file.root if self._of_file is not None else None

    def plan(self, flow: str, version: str) -> Plan:
        if self._of_file is not None:
            return self._of_file
        recorded: Plan | None = self._plans.find(flow, version) if self._recorded else None
        if recorded is not None:
            return recorded
        if self._recorded and version not in self._said:
            self._said.add(version)
            message = f"version {version[:12]} of {flow} is not kept; replayed against today's file"
            print(f"notice: {message}", file=sys.stderr)
        today: Plan = self._plans.today(flow)
        return today


def _print_one(found: Replay, plan: Plan, *, whole: bool) -> None:
    against = "the recorded version" if found.exact else f"version {plan.version[:12]} of {plan.root}"
    if found.difference is None:
        print(f"the same against {against}: {len(found.now)} lines")
    else:
        print(f"{found.difference}")
    if found.difference is not None or whole:
        print(columns(found, whole=whole))
    if found.missing:
        print(f"nothing recorded answers {found.missing}; give it: --answer {found.missing.split()[-1]}=OUTCOME")
    if found.unused:
        print(f"{found.unused} key(s) that the caller pressed were not asked for any more")


def _as_json(call_id: str, found: Replay) -> dict[str, Any]:
    difference = found.difference
    return {
        "call_id": call_id,
        "same": found.same,
        "exact": found.exact,
        "difference": difference
        and {
            "kind": difference.kind,
            "node": difference.node,
            "then": difference.then and difference.then.text.strip(),
            "now": difference.now and difference.now.text.strip(),
        },
        "missing": found.missing,
        "unused_keys": found.unused,
    }


# ---- all calls of a period ---------------------------------------------------------------------------------------


def _many(store: Store, plans: _Against, options: argparse.Namespace) -> int:
    same = skipped = 0
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row, journal in _calls(store, options.since, plans.only):
        try:
            recording = read_recording(journal.entries if journal else (), journal.secrets if journal else {})
        except NoRecording:
            skipped += 1
            continue
        found = replay(recording, plans.plan(recording.flow, recording.version), dict(options.answer))
        if found.difference is None:
            same += 1
        else:
            groups[found.difference.node, found.difference.kind].append(row.call_id)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    if options.json:
        shown = [{"node": node, "kind": kind, "calls": calls} for (node, kind), calls in ordered]
        json.dump({"same": same, "without_journal": skipped, "differences": shown}, sys.stdout, indent=2)
        print()
        return int(bool(groups))
    different = sum(len(calls) for calls in groups.values())
    print(f"{same + different} calls replayed: {same} the same, {different} different; {skipped} without a journal")
    for (node, kind), calls in ordered:
        print(f"{len(calls):6}  {node:<30} [{kind}] {KINDS[kind]}; such as {calls[0]}")
    return int(bool(groups))


def _calls(store: Store, begin: float, flow: str | None) -> Iterator[tuple[CallRow, CallJournal | None]]:
    """Ended calls since ``begin`` that a flow has met, newest first, a page at a time."""
    before: str | None = None
    where = CallFilter(since=begin, live=False, flow=flow)
    while page := store.list_calls(limit=PAGE, before=before, where=where):
        met = [row for row in page if row.flow]
        journals = store.find_journals([row.call_id for row in met])
        yield from ((row, journals.get(row.call_id)) for row in met)
        before = page[-1].cursor
