"""The registry of node types: the single truth for validation, JSON Schema, reference, graph and fixtures.

A node type is a class with a table of options and exits, one example, and its behaviour in three methods: `enter`
when the run comes to the node, `feed` when something the node waits for has happened, `digit` when a key is pressed.
Behaviours keep nothing in themselves: what a waiting node must remember is in ``step.local``, which is serialised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from cti.core.events import Event
from cti.core.issue import Issue
from cti.flow import types as t
from cti.flow.catalog import Catalog
from cti.flow.expressions import Scope
from cti.flow.kinds import Kind, Text
from cti.flow.model import Flow, Node, NodeRef

if TYPE_CHECKING:
    from cti.flow.step import Finish, Leave, Step

Names = frozenset[str]


@dataclass(frozen=True)
class Option:
    kind: Kind
    doc: str
    required: bool = False
    default: Any = None
    extra: Mapping[str, t.Type] = field(default_factory=dict)  # variables that only this option's expressions see


Options = Mapping[str, Option]


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from a node to another. ``gives``/``takes``: variables certainly given, or perhaps absent, after it.

    ``by_handler``: not wired, but caught by a handler (``on:``), which runs once in a call.
    """

    exit: str
    target: NodeRef
    gives: Names = frozenset()
    takes: Names = frozenset()
    by_handler: bool = False


@dataclass(frozen=True, slots=True)
class Taking:
    """How an exit comes to be taken; what the proofs about circles and ways to people rest on.

    ``chosen``: by what the caller does or leaves undone; any other exit may be taken whatever the caller does.
    ``keys``: the fewest that the caller presses for it; ``seconds``: of silence that it takes at least.
    ``bounds``: a circle through it cannot go round by itself: it takes an actual key, a real wait, or it counts.
    ``exempt``: taken when nobody works, so that no person can be asked for.
    """

    chosen: bool = False
    keys: int = 0
    seconds: float = 0.0
    bounds: bool = False
    exempt: bool = False


@dataclass
class CheckContext:
    flow: Flow
    catalog: Catalog
    scope: Scope
    issues: list[Issue]

    def report(self, place: Any, code: str, message: str) -> None:
        self.issues.append(Issue(place, code, message))


COMMON: Options = {
    "achieves": Option(Text(), "the goal that is reached when the node is left by a good exit"),
    "note": Option(Text(), "a remark for people; not spoken"),
}


class NodeType:
    name: ClassVar[str]
    group: ClassVar[str]
    doc: ClassVar[str]
    options: ClassVar[Options]
    exits: ClassVar[tuple[str, ...]] = ("next",)
    good_exits: ClassVar[tuple[str, ...]] = ("next",)  # leaving by these reaches the goal
    example: ClassVar[str]
    after_hangup: ClassVar[bool] = False  # runs when nobody is there any more
    needs_answer: ClassVar[bool] = False
    by_text: ClassVar[bool] = True  # can run in a conversation by text
    human: ClassVar[bool] = False  # reaches a person; does not count as IVR time

    @property
    def single(self) -> bool:
        """One exit: wired by ``next``, or by the node written below."""
        return self.exits == ("next",)

    @property
    def wired(self) -> bool:
        """Its exits are written under ``to``. Types whose options name every node have none."""
        return not self.single and self.name not in ("branch", "end")

    # -- static ------------------------------------------------------------------------------------------------

    def exits_of(self, node: Node, catalog: Catalog) -> tuple[str, ...]:
        """The exits this node has; some types know only from their options."""
        return self.exits

    def exits_known(self, node: Node, catalog: Catalog) -> bool:
        """False when the exits depend on something the catalogue does not tell; unknown names pass then."""
        return True

    def effects(self, node: Node, exit: str, flow: Flow, scope: Scope) -> tuple[Names, Names]:
        """(variables given, variables perhaps absent) after leaving by ``exit``."""
        return frozenset(), frozenset()

    def taking(self, node: Node, exit: str, flow: Flow) -> Taking:
        """How ``exit`` comes to be taken. Unless said: by the outside, at once, and as often as it likes."""
        return Taking()

    def works_in(self, node: Node, medium: str) -> bool:
        """Can it do its work in a conversation that comes by ``medium``?"""
        if medium == "fax":  # a machine that sends and hangs up
            return self.group not in ("Asking", "People")
        if medium == "timer":  # nobody is there
            return self.group in ("Deciding", "Data", "Structure")
        return self.by_text or medium not in ("sms", "chat")

    def holds_on(self, node: Node) -> bool:
        """Does this very node run after the hang-up, though its type does not?"""
        return False

    def hindrance(self, node: Node, medium: str) -> str:
        """Why it cannot, and what to do; empty: as for any node."""
        return ""

    def without_effect(self, node: Node, media: frozenset[str]) -> Iterator[tuple[str, str]]:
        """(option, message): options of a node that works in all of ``media``, without effect in one of them."""
        return iter(())

    def ways(self, node: Node) -> Iterator[Edge]:
        """Edges that are written in options instead of ``to``/``next`` (keys, cases)."""
        return iter(())

    def check(self, node: Node, ctx: CheckContext) -> None:
        """What the option table cannot say."""

    # -- behaviour ---------------------------------------------------------------------------------------------

    def enter(self, step: Step) -> Leave | None:
        raise NotImplementedError

    def feed(self, step: Step, role: str, event: Event) -> Leave | None:
        raise AssertionError(f"{self.name} waits for nothing")

    def returned(self, step: Step, finish: Finish) -> Leave | None:
        """The flow that this node called has ended."""
        raise AssertionError(f"{self.name} calls no flow")

    def hung_up(self, step: Step) -> None:
        """The caller hangs up in here; the node is left whatever it does."""

    def digit(self, step: Step, digit: str) -> Leave | None:
        """Keys are typed ahead unless the node wants them."""
        step.type_ahead(digit)
        return None

    def resumed(self, step: Step) -> Leave | None:
        """Another engine goes on at this wait. Whatever the node still waits for when this returns is begun again by
        the runtime, timers with what is left of them: enough for all that do not ask the caller for something."""
        return None

    def means(self, step: Step, key: str) -> bool | None:
        """Does ``key`` mean something here and now? None: nothing is asked here; the node that asks next may know.

        Asked of the key that ends an entry when the entry has ended without it (see `Step.expect_end`).
        """
        return None

    def text(self, step: Step, text: str) -> Leave | None:
        """What the caller wrote is kept for the node that asks next."""
        step.keep_text(text)
        return None


REGISTRY: dict[str, NodeType] = {}


def register(cls: type[NodeType]) -> type[NodeType]:
    assert cls.name not in REGISTRY, cls.name
    clash = set(cls.exits) & (set(cls.options) | set(COMMON))
    assert not clash, f"options and exits of {cls.name} share {clash}"
    REGISTRY[cls.name] = cls()
    return cls
