"""A flow as a drawing for people: top to bottom, the happy path straight, what goes wrong pale, findings red."""

from __future__ import annotations

from collections.abc import Sequence

from cti.core.issue import Issue
from cti.flow.catalog import UNKNOWN, Catalog
from cti.flow.draw_cut import part_of
from cti.flow.draw_model import Counts, make_picture
from cti.flow.draw_plan import make_plan
from cti.flow.draw_svg import render
from cti.flow.model import Flow


def draw_flow(
    flow: Flow,
    *,
    catalog: Catalog = UNKNOWN,
    issues: Sequence[Issue] = (),
    counts: Counts | None = None,
    language: str | None = None,
    part: tuple[str, int] | None = None,
) -> str:
    """SVG. ``issues``: findings in the flow's file, drawn at their nodes; ``counts``: visits, written beside them;
    ``part``: only what lies so many links behind a node."""
    picture = make_picture(flow, catalog, issues=issues, counts=counts, language=language)
    if part is not None:
        picture = part_of(picture, *part)
    return render(picture, make_plan(picture))
