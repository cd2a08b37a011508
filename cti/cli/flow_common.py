"""What the verbs of `cti flow` share: where the flows are, and which flow is meant."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from cti.core.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from cti.flow import Plan

FLOWS = Path("ivr_flows")


def add_flows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--flows", type=Path, default=FLOWS, metavar="FOLDER", help="where the flows are")


def need_known(flow: str, flows: Iterable[str]) -> None:
    """Raises ConfigError with the flows that there are."""
    names = sorted(flows)
    if flow not in names:
        near = difflib.get_close_matches(flow, names, 1)
        remedy = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"
        raise ConfigError(f"there is no flow '{flow}'", code="unknown-flow", remedy=remedy)


def chosen(flow: str | None, plans: Mapping[str, Plan]) -> dict[str, Plan]:
    """The plan of ``flow``, or all of them. Raises ConfigError."""
    if flow is None:
        return dict(sorted(plans.items()))
    need_known(flow, plans)
    return {flow: plans[flow]}
