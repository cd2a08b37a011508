"""Section `feeds:`, read: what a schema cannot tell is the class, and that no two feeds write the same files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as AnyMapping

from cti.boss.configuration.places import place_of
from cti.boss.feeds.options import FeedPlan, FeedSection
from cti.boss.plans import FieldClass
from cti.core.issue import Place
from cti.flow.suggest import did_you_mean
from cti.flow.yamlio import Mapping, Node


def read_feeds(
    root: Mapping,
    named: Iterable[tuple[str, Node, Place]],
    classes: AnyMapping[str, FieldClass],
    valid: Callable[[type[FeedSection], Node], FeedSection | None],
    report: Callable[[Place, str, str], object],
) -> dict[str, FeedPlan]:
    """``named``: (name, node, place) of each; ``valid``: by the schema, with its findings told; ``report``: tells one
    more (place, code, message)."""
    found: dict[str, FeedPlan] = {}
    taken: dict[tuple[str, str], str] = {}
    for name, node, place in named:
        options = valid(FeedSection, node)
        if options is None:
            continue
        shown = classes.get(options.caller)
        if shown is None:
            message = f"'{options.caller[:40]}' is no class of personal data{did_you_mean(options.caller, classes)}"
            report(place_of(root, ("feeds", name, "caller")), "unknown-source", message)
            continue
        files = (options.to.rstrip("/"), options.name)
        if files in taken:
            message = f"{name}: these are the files of '{taken[files]}': write another folder or name"
            report(place_of(root, ("feeds", name, "to")), "duplicate-key", message)
        taken[files] = name
        found[name] = FeedPlan(name, options, place, shown.head, shown.tail, shown.whole)
    return found
