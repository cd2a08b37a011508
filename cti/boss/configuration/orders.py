"""Section `orders:`, read: what a schema cannot tell is the urls, the frame, the codecs and the field of the key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from cti.boss.codecs import BodyOptions, prove_body
from cti.boss.configuration.places import place_of
from cti.boss.configuration.reached import prove_targets
from cti.boss.orders.options import OrderFiles, OrderPlan, OrderSection, OrderSocket
from cti.boss.way import Finding
from cti.boss.ways.databases import prove_url
from cti.boss.ways.files.proof import prove_transport
from cti.boss.ways.socket.proof import prove_frame
from cti.core.issue import Place
from cti.core.targets import TargetRules
from cti.flow.yamlio import Mapping, Node


def read_orders(
    root: Mapping,
    named: Iterable[tuple[str, Node, Place]],
    targets: TargetRules,
    valid: Callable[[type[OrderSection], Node], OrderSection | None],
    report: Callable[[Place, str, str], object],
) -> dict[str, OrderPlan]:
    """``named``: (name, node, place) of each; ``valid``: by the schema, with its findings told; ``report``: tells one
    more (place, code, message)."""
    found: dict[str, OrderPlan] = {}
    ports: dict[tuple[str, int], str] = {}
    for name, node, place in named:
        options = valid(OrderSection, node)
        if options is None:
            continue
        findings = list(_prove(options, targets))
        if options.socket is not None and options.socket.port:
            address = (options.socket.host, options.socket.port)
            if address in ports:
                findings.append(
                    Finding(("socket", "port"), "duplicate-key", f"'{ports[address]}' listens there already")
                )
            ports[address] = name
        for finding in findings:
            report(place_of(root, ("orders", name, *finding.path)), finding.code, finding.message)
        if not findings:
            found[name] = OrderPlan(name, options, place, targets)
    return found


def _prove(options: OrderSection, targets: TargetRules) -> Iterator[Finding]:
    if options.files is not None:
        yield from _under("files", prove_targets(options.files, targets))
        yield from _under("files", _files(options.files))
    if options.table is not None:
        yield from _under("table", prove_targets(options.table, targets))
        yield from _under("table", prove_url(options.table.url))
    if options.socket is not None:
        yield from _under("socket", _socket(options.socket))


def _under(way: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield Finding((way, *finding.path), finding.code, finding.message)


def _files(options: OrderFiles) -> Iterator[Finding]:
    yield from prove_transport(options.url, options)
    take = options.take
    try:
        re.compile(take.match)
    except re.error as error:
        yield Finding(("take", "match"), "bad-option", f"this is no regular expression: {error.msg}")
    yield from prove_body(take.row, ("take", "row"))
    yield from _has(take.row, take.key, ("take", "key"))


def _socket(options: OrderSocket) -> Iterator[Finding]:
    yield from prove_frame(options.frame, ("frame",))
    for part in ("body", "reply"):
        yield from prove_body(getattr(options, part), (part,))
    yield from _has(options.body, options.key, ("key",))


def _has(body: BodyOptions, key: str, path: tuple[str | int, ...]) -> Iterator[Finding]:
    fields = getattr(body, "fields", None)
    names = [getattr(one, "name", one) for one in fields or ()]
    if names and key not in names:
        yield Finding(path, "unknown-field", f"a line has no '{key[:40]}'; it has {', '.join(map(str, names))}")
