"""Section `feeds:`, read: what a schema cannot tell is the class, the urls, the columns, the back end and its message,
and that no two feeds write the same files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass

from cti.boss.configuration.places import place_of
from cti.boss.configuration.reached import prove_targets
from cti.boss.feeds.lines import ENVELOPE
from cti.boss.feeds.options import FeedPlan, FeedSection, FeedSocket, SocketPlan
from cti.boss.feeds.post import backend_of
from cti.boss.feeds.socket import BATCH_NAMES
from cti.boss.mapping import KEY, Mapped, Sent
from cti.boss.paths import parse_path
from cti.boss.plans import BackendPlan, FieldClass
from cti.boss.way import Carried, Finding
from cti.boss.ways.databases import prove_url
from cti.boss.ways.files.proof import prove_transport
from cti.boss.ways.files.transport import TransportOptions
from cti.boss.ways.http.proof import prove_backend as prove_http
from cti.core.feeds import column_names
from cti.core.issue import Place
from cti.core.targets import ANYWHERE, TargetRules
from cti.flow.suggest import did_you_mean
from cti.flow.yamlio import Mapping, Node


@dataclass(frozen=True, slots=True)
class Known:
    """What stands elsewhere in the file. ``declared``: back ends that are there, also those that were refused."""

    classes: AnyMapping[str, FieldClass]
    backends: AnyMapping[str, BackendPlan]
    declared: frozenset[str]
    targets: TargetRules = ANYWHERE


def read_feeds(
    root: Mapping,
    named: Iterable[tuple[str, Node, Place]],
    known: Known,
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
        findings = [*_prove(options, known)]
        if options.to is not None:
            files = (options.to.rstrip("/"), options.pattern)
            if files in taken:
                message = f"{name}: these are the files of '{taken[files]}': write another folder or name"
                findings.append(Finding(("to",), "duplicate-key", message))
            taken[files] = name
        for finding in findings:
            report(place_of(root, ("feeds", name, *finding.path)), finding.code, finding.message)
        if not findings:
            shown = known.classes[options.caller]
            socket = _socket_plan(options.socket, known) if options.socket is not None else None
            found[name] = FeedPlan(name, options, place, shown.head, shown.tail, shown.whole, socket, known.targets)
    return found


def _prove(options: FeedSection, known: Known) -> Iterator[Finding]:
    if options.caller not in known.classes:
        hint = did_you_mean(options.caller, known.classes)
        yield Finding(("caller",), "unknown-source", f"'{options.caller[:40]}' is no class of personal data{hint}")
    yield from prove_targets(options, known.targets)
    if options.to is not None:
        for finding in prove_transport(options.to, options.reach or TransportOptions()):
            path = ("to",) if finding.path == ("url",) else ("reach", *finding.path)
            yield Finding(path, finding.code, finding.message)
    if options.table is not None:
        yield from _under("table", prove_url(options.table.url))
        yield from _under("table", _columns(options, options.table.columns))
    if options.http is not None:
        yield from _under("http", prove_http(backend_of(options.http)))
    if options.socket is not None:
        yield from _under("socket", _prove_socket(options, options.socket, known))


def _under(way: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield Finding((way, *finding.path), finding.code, finding.message)


def _columns(options: FeedSection, columns: AnyMapping[str, str]) -> Iterator[Finding]:
    ours = (*ENVELOPE, *column_names(options.kind))
    for name in columns:
        if name not in ours:
            hint = did_you_mean(name, ours)
            yield Finding(("columns", name), "unknown-field", f"{options.kind} have no '{name[:40]}'{hint}")
    missing = [name for name in ENVELOPE if columns and name not in columns]
    if missing:
        message = f"{', '.join(missing)}: these tell which rows are there already; name columns for them"
        yield Finding(("columns",), "missing-field", message)
    if len(set(columns.values())) < len(columns):
        yield Finding(("columns",), "duplicate-key", "each goes into a column of its own")


def _prove_socket(options: FeedSection, section: FeedSocket, known: Known) -> Iterator[Finding]:
    plan = known.backends.get(section.backend)
    if plan is None:
        if section.backend not in known.declared:
            hint = did_you_mean(section.backend, known.declared)
            yield Finding(("backend",), "unknown-source", f"'{section.backend[:40]}' is no back end{hint}")
        return
    if plan.kind.name != "socket":
        yield Finding(("backend",), "bad-option", f"'{plan.name}' is of way {plan.kind.name}, not socket")
        return
    ours = _carried(options, section)
    for field, source in section.send.items():
        if isinstance(source, dict) and set(source) != {"const"}:
            yield Finding(("send", field), "bad-option", "write a column, or {const: text}")
        elif isinstance(source, str) and source not in ours:
            hint = did_you_mean(source, ours)
            yield Finding(("send", field), "unknown-field", f"'{source[:40]}' is not among what is sent{hint}")
    if section.code is not None and isinstance(problem := parse_path(section.code), str):
        yield Finding(("code",), "bad-path", problem)
    if section.code is None and section.good:
        yield Finding(("good",), "bad-option", "'code' must say where the code stands that 'good' names")
    target = plan.kind.Target.model_validate({"message": section.message, "send": section.send, "code": section.code})
    carried = Carried(frozenset(section.send or ours), write=True)
    for finding in plan.kind.prove_target(plan.options, target, carried):
        if finding.path[:1] != ("code",):
            yield finding


def _carried(options: FeedSection, section: FeedSocket) -> tuple[str, ...]:
    if section.frames == "batch":
        return BATCH_NAMES
    return (*ENVELOPE, *column_names(options.kind), KEY)


def _socket_plan(section: FeedSocket, known: Known) -> SocketPlan | None:
    """Proved; None where the back end itself was refused, and so the file."""
    plan = known.backends.get(section.backend)
    if plan is None:
        return None
    target = plan.kind.Target.model_validate({"message": section.message, "send": section.send, "code": section.code})
    sent = tuple(
        Sent(field, constant=source["const"]) if isinstance(source, dict) else Sent(field, source)
        for field, source in section.send.items()
    )
    code = parse_path(section.code) if section.code is not None else None
    assert not isinstance(code, str)
    return SocketPlan(
        plan.name, plan.kind.service(target), target, Mapped(sent, None, code, frozenset(section.good))
    )  # fmt: skip
