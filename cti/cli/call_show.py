"""`cti call show`: one call, node by node, with what was said, pressed and asked."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.app import open_records
from cti.cli.call_common import add_call_id, at, full_id, not_found
from cti.cli.common import add_config, settings_of
from cti.flow.replay_lines import Line, lines_of
from cti.flow.replay_recording import NoRecording, read_recording

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from cti.core.records import CallDetail, CallJournal, VisitRow


def add_to(verbs: Any) -> None:
    showing = verbs.add_parser("show", help="one call, node by node", description=__doc__)
    add_call_id(showing)
    showing.add_argument("--json", action="store_true")
    showing.set_defaults(run=show_call)
    add_config(showing)


def show_call(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    with open_records(settings) as store:
        call_id = full_id(store, options.call_id)
        found, journal = store.find_call(call_id), store.find_journal(call_id)
    if found is None:
        raise not_found(options.call_id)
    story = story_of(journal)
    if options.json:
        from cti.api.calls import with_times

        told = {**with_times(found.as_dict()), "story": [_line_json(line) for line in story]}
        json.dump(told, sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        _print_detail(found, story, ZoneInfo(settings.timezone))
    return 0


def story_of(journal: CallJournal | None) -> list[Line]:
    """What the journal tells, masked; nothing without one that can be read."""
    if journal is None:
        return []
    try:
        return lines_of(read_recording(journal.entries).steps)
    except NoRecording as unreadable:
        print(f"notice: {unreadable}", file=sys.stderr)
        return []


def _line_json(line: Line) -> dict[str, Any]:
    shown = asdict(line)
    shown["text"] = shown["text"].strip()
    del shown["key"]
    return shown


def _print_detail(found: CallDetail, story: Sequence[Line], zone: ZoneInfo) -> None:
    row = found.call
    print(f"call      {row.call_id}  {row.medium} on {row.switch}")
    print(f"caller    {row.caller or 'withheld'} {row.caller_name} -> {row.called}")
    print(f"flow      {row.flow} version {row.flow_version[:12]} by entry '{row.entry}', language {row.language}")
    print(f"started   {at(row.started_at, zone)}")
    if row.terminal_cause:
        print(f"ended     {row.duration_s:.1f} s later: {row.terminal_cause} ({row.hangup_cause})")
        print(f"outcome   {row.outcome or '-'}; goals: {', '.join(row.goals) or '-'}")
    if row.error:
        print(f"error     {row.error}")
    for gap in found.gaps:
        print(
            f"gap       +{gap.began_at - row.started_at:7.2f}s without an engine for "
            f"{gap.ended_at - gap.began_at:.1f} s; {gap.how.replace('_', ' ')}"
        )
    for leg in found.legs:
        print(f"leg       +{leg.added_at - row.started_at:7.2f}s {leg.role} {leg.number or ''} {leg.hangup_cause}")
    begun = row.started_at
    for message in found.messages:
        who = message.agent or message.author
        print(f"message   +{message.at - begun:7.2f}s {who}: {message.text!r}")
    for said in found.wrapups:
        what = [said.disposition or "no disposition", *([repr(said.notes)] if said.notes else [])]
        what += [f"{name}={value!r}" for name, value in said.variables.items()]
        print(f"agent     +{said.at - begun:7.2f}s {said.agent} ({said.queue or 'outbound'}): {', '.join(what)}")
    print("nodes")
    told = _by_visit(story)
    counted: dict[tuple[str, str], int] = {}
    for visit in found.visits:
        print(_visit_line(visit, begun))
        key = (visit.flow, visit.node)
        number = counted[key] = counted.get(key, 0) + 1
        for line in told.get((f"{visit.flow}.{visit.node}", number), ()):
            mark = {"caller": ">", "outside": "="}.get(line.side, " ")
            print(f"  +{line.at_s:7.2f}s         {mark} {line.text.strip()}")


def _visit_line(visit: VisitRow, begun: float) -> str:
    left = f"{visit.left_at - visit.entered_at:6.2f}s" if visit.left_at is not None else "   ..  "
    return (
        f"  +{visit.entered_at - begun:7.2f}s {left}  {visit.flow}.{visit.node} ({visit.type})"
        f" -> {visit.exit or '(hung up here)'}  {visit.note}".rstrip()
    )


def _by_visit(story: Sequence[Line]) -> dict[tuple[str, int], list[Line]]:
    """The lines by (flow.node, which time), without those that the visits themselves tell."""
    found: dict[tuple[str, int], list[Line]] = {}
    counted: dict[str, int] = {}
    for line in story:
        kind = line.key[0] if line.key else ""
        if kind == "enter":
            counted[line.node] = counted.get(line.node, 0) + 1
        elif kind != "leave":
            found.setdefault((line.node, counted.get(line.node, 0)), []).append(line)
    return found
