"""`cti flow graph`: a flow as a drawing (SVG), with its findings, and with what callers did when asked."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cti.cli.common import add_config, settings_of
from cti.cli.flow_common import add_flows, need_known
from cti.cli.output import write_output
from cti.core.errors import ConfigError
from cti.core.issue import Place
from cti.files import read_file
from cti.flow.units import parse_duration

if TYPE_CHECKING:
    from cti.flow.draw_model import Counts

#: More boxes than these are a wall of them: nobody finds the way on it, whatever the layout.
READABLE_NODES = 80

_Count = Annotated[int, Field(ge=0, strict=True)]


class CountsFile(BaseModel):
    """``--counts``: visits of nodes, and how often each exit was taken."""

    model_config = ConfigDict(extra="forbid")
    nodes: dict[str, _Count] = {}
    exits: dict[str, dict[str, _Count]] = {}


def add_to(verbs: Any) -> None:
    verb = verbs.add_parser("graph", help="the flow as a drawing (SVG)", description=__doc__)
    verb.add_argument("flow", help="the flow's id, such as hotline")
    verb.add_argument("--out", type=Path, metavar="FILE", help="write it there instead of printing it")
    verb.add_argument("--language", metavar="TAG", help="of the texts in the boxes, such as en-US")
    verb.add_argument("--from", dest="start", metavar="NODE", help="only what follows this node: for large flows")
    verb.add_argument("--steps", type=_steps, default=4, metavar="N", help="how many ways far, with --from (default 4)")
    verb.add_argument(
        "--whole", action="store_true", help=f"all of it without a word, above {READABLE_NODES} nodes, too"
    )
    figures = verb.add_mutually_exclusive_group()
    figures.add_argument(
        "--counts",
        type=Path,
        metavar="FILE",
        help='figures to write in: {"nodes": {name: n}, "exits": {name: {exit: n}}}',
    )
    figures.add_argument(
        "--since", type=_duration, metavar="1d", help="write in the visits of this time up to now, from the records"
    )
    add_flows(verb)
    add_config(verb)
    verb.set_defaults(run=graph)


def _duration(text: str) -> float:
    seconds = parse_duration(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"a duration such as 30m, 12h, 7d, not {text[:20]!r}")
    return seconds


def _steps(text: str) -> int:
    if not (text.isdecimal() and len(text) < 4 and int(text)):
        raise argparse.ArgumentTypeError(f"a number from 1 to 999, not {text[:20]!r}")
    return int(text)


def graph(options: argparse.Namespace) -> int:
    """Exit status 1 when the flow has errors: it is drawn all the same, as far as it can be read."""
    from cti.app import check_flows, demo_catalog
    from cti.core.issue import Severity
    from cti.flow import load_flow
    from cti.flow.draw import draw_flow
    from cti.flow.suggest import did_you_mean

    need_known(options.flow, (file.stem for file in _flow_files(options.flows)))
    file = options.flows / f"{options.flow}.yaml"
    catalog = demo_catalog()
    draft = load_flow(read_file(file), str(file), catalog=catalog).draft
    issues = [issue for issue in check_flows(options.flows) if issue.place.file == str(file)]
    for issue in issues:
        print(issue, file=sys.stderr)
    if draft is None:
        return 1
    if options.language is not None and options.language not in draft.languages:
        raise ConfigError(
            f"the flow has no text in '{options.language[:40]}'",
            code="unknown-language",
            remedy=f"it has {', '.join(draft.languages)}",
        )
    if options.start is not None and options.start not in draft.nodes:
        remedy = did_you_mean(options.start, draft.nodes).removeprefix("; ") or "`cti flow graph` shows all of them"
        raise ConfigError(f"the flow has no node '{options.start[:40]}'", code="unknown-node", remedy=remedy)
    if options.start is None and not options.whole and len(draft.nodes) > READABLE_NODES:
        print(_too_large(file, len(draft.nodes), draft.start), file=sys.stderr)
    counts = _counts(options, options.flow)
    part = (options.start, options.steps) if options.start is not None else None
    drawing = draw_flow(draft, catalog=catalog, issues=issues, counts=counts, language=options.language, part=part)
    if options.out is None:
        sys.stdout.write(drawing)
    else:
        write_output(options.out, drawing)
    return int(any(issue.severity is Severity.ERROR for issue in issues))


def _too_large(file: Path, nodes: int, start: str) -> str:
    return (
        f"{file}: note: a drawing of {nodes} nodes is hard to read; draw a part of it: --from {start} --steps 4 "
        "(--whole: all of it, without this note)"
    )


def _flow_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError(f"no folder {folder}", code="no-flows", remedy="name it with --flows")
    return [file for file in folder.glob("*.yaml") if file.stem not in ("entry", "queues", "notices")]


def _counts(options: argparse.Namespace, flow: str) -> Counts | None:
    from cti.flow.draw_model import Counts

    if options.counts is not None:
        read = _read_counts(options.counts)
        return Counts(read.nodes, read.exits)
    if options.since is None:
        return None
    from cti.app import open_records

    with open_records(settings_of(options)) as store:
        found = store.count_visits(flow, since=time.time() - options.since)
    nodes: dict[str, int] = {}
    exits: dict[str, dict[str, int]] = {}
    for node, exit, count in found:
        nodes[node] = nodes.get(node, 0) + count
        exits.setdefault(node, {})[exit] = count
    return Counts(nodes, exits)


def _read_counts(file: Path) -> CountsFile:
    """Raises ConfigError (unreadable-file, bad-counts)."""
    try:
        return CountsFile.model_validate_json(read_file(file, what="the figures"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(
            f"{where}: {first['msg']}",
            code="bad-counts",
            remedy='write {"nodes": {"main": 10}, "exits": {"main": {"1": 7}}}',
            place=Place(str(file)),
        ) from error
