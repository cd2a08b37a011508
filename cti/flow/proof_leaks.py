"""Sensitive values that would come where they must not: into prompts, messages, logs, what is dialled.

Every option that holds a text or a computed value is an outlet, unless it is one of the explicit ways of data: what is
saved or set, handed to another flow, returned, or sent to the back office under a name that the source declares as
sensitive. So a new node type is covered without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cti.core.issue import Issue, Place
from cti.flow.graph import Graph
from cti.flow.model import Computed, Flow, Literal, Node, NodeRef, Prompt, Template, parts_of
from cti.flow.nodes.extra_kinds import Cases, NamedValue, SaveMap, SetMap
from cti.flow.nodes.key_kinds import Keys
from cti.flow.registry import REGISTRY, Option
from cti.flow.taint import ALONE, CLEAN, Around, Class, Mark, State, declared, mark_of, marks_at

WAYS_OF_DATA = (SaveMap, SetMap, Keys, Cases)
HANDED_ON = ("returns",)


def check_leaks(flow: Flow, graph: Graph, issues: list[Issue], around: Around = ALONE) -> None:
    marks = marks_at(flow, graph, around)
    found: dict[tuple[Place, str], Issue] = {}
    for node in flow.nodes.values():
        state = marks.get(node.name)
        if state is None or node.type not in REGISTRY:
            continue
        for place, mark, where in _leaks(flow, node, state):
            message = (
                f"{mark.source} is {'a secret' if mark.level is Class.SECRET else 'personal'}; it must not {where}"
            )
            way = _way(flow, graph, marks, node.name, mark)
            found.setdefault((place, message), Issue(place, "sensitive-leak", message, path=way))
    issues += found.values()


def _leaks(flow: Flow, node: Node, state: State) -> Iterator[tuple[Place, Mark, str]]:
    for name, option in REGISTRY[node.type].options.items():
        value = node.get(name)
        if value is None or isinstance(option.kind, WAYS_OF_DATA) or name in HANDED_ON:
            continue
        if name == "with":
            yield from _handed(flow, node, value, state)
            continue
        local = _local(flow, node, option, state)
        prompts = list(parts_of(value, Prompt))
        for template in parts_of(value, Template):
            for piece in template.expressions():
                mark = mark_of(piece, local)
                if mark.level is Class.SECRET:
                    yield piece.place, mark, "be said or written" if prompts else "stand in a text"
                elif mark.level is Class.PERSONAL and not _delivered(node, local):
                    yield piece.place, mark, "be sent to a number that is not the subscriber's own"
        for computed in parts_of(value, Computed):
            mark = mark_of(computed, local)
            if mark.level is Class.SECRET:
                yield computed.place, mark, f"go into {node.type}.{name}, which stands in logs and records"
    yield from _read_back(flow, node)


def _local(flow: Flow, node: Node, option: Option, state: State) -> Mapping[str, Mark]:
    """With the names that only this option's expressions know: ``item`` of a list, ``value`` that was typed."""
    if not option.extra:
        return state
    items = [mark_of(each, state) for each in (node.get("each"),) if each is not None]
    typed = _typed(flow, node)
    own = {"item": items[0] if items else CLEAN, "value": typed}
    return {**state, **{name: own.get(name, CLEAN) for name in option.extra}}


def _typed(flow: Flow, node: Node) -> Mark:
    save = node.get("save")
    variable = flow.variables.get(save.name) if isinstance(save, NodeRef) else None
    return declared(variable.type, f"'{variable.name}'", typed=True) if variable else CLEAN


def _read_back(flow: Flow, node: Node) -> Iterator[tuple[Place, Mark, str]]:
    """``confirm`` with the built-in words says what was typed."""
    typed = _typed(flow, node)
    if node.get("confirm") is True and node.get("confirm_say") is None and typed.level is Class.SECRET:
        yield node.at("confirm"), typed, "be read back; leave out confirm, or give confirm_say words without ${value}"


def _handed(flow: Flow, node: Node, given: object, state: State) -> Iterator[tuple[Place, Mark, str]]:
    """To a source that does not declare the argument as sensitive; what another flow is given goes on as it is."""
    signature = flow.lookups.get(str(node.get("ask")))
    if signature is None or not isinstance(given, Mapping):
        return
    for name, named in given.items():
        kind = signature.inputs.get(name)
        mark = mark_of(named.value, state) if isinstance(named, NamedValue) else CLEAN
        if kind is not None and not kind.sensitive and mark.level is Class.SECRET:
            yield (
                named.place,
                mark,
                f"be given to {node.get('ask')} as '{name}', which it does not declare sensitive (!)",
            )


def _delivered(node: Node, state: Mapping[str, Mark]) -> bool:
    """Prompts are heard by the caller; a message must go to a number that is known of the subscriber."""
    recipient = node.get("recipient")
    if recipient is None:
        return True
    if isinstance(recipient, Literal):
        return False
    return mark_of(recipient, state).level is Class.PERSONAL


def _way(flow: Flow, graph: Graph, marks: Mapping[str, State], at: str, mark: Mark) -> tuple[str, ...]:
    """From the node at which the value came into the flow to the one at which it leaves it."""
    begins = [node.name for node in flow.nodes.values() if f"at '{node.name}'" in mark.source]
    way = graph.way(begins or [flow.start], {at})
    return tuple(way) if len(way) > 1 else ()
