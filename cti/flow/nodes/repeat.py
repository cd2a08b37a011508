"""`repeat`: a part of the flow that comes back here is run so many times and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from cti.flow.kinds import Goto, Integer
from cti.flow.model import Flow, Node
from cti.flow.registry import Edge, NodeType, Option, Options, Taking, register
from cti.flow.step import Leave, Step


@register
class Repeat(NodeType):
    """The counters are a stack in the frame: coming back to a loop ends those begun inside it, so that they count
    anew in its next round. A flow without other circles than through `body` therefore always ends."""

    name, group = "repeat", "Deciding"
    doc = (
        "Goes to `body`, and again each time the flow comes back here, `max` times in all; then it is left by `done` "
        "and counts anew. A repeat inside the body of another one counts anew in each round."
    )
    options: ClassVar[Options] = {
        "max": Option(Integer(1, 100), "how many times", required=True),
        "body": Option(Goto(), "the node that each round begins with; its ways lead back here", required=True),
    }
    exits = ("done",)
    good_exits = ("done",)
    example = """
tries:
  type: repeat
  max: 3
  body: ask_pin
  to: {done: agent}
"""

    def ways(self, node: Node) -> Iterator[Edge]:
        if node.get("body") is not None:
            yield Edge("body", node.get("body"))

    def taking(self, node: Node, exit: str, flow: Flow) -> Taking:
        return Taking(bounds=exit == "body")

    def enter(self, step: Step) -> Leave | None:
        loops, name = step.frame.loops, step.node.name
        if name in loops:
            names = list(loops)
            for inner in names[names.index(name) + 1 :]:
                del loops[inner]
        count = loops.get(name, 0) + 1
        if count > step.option("max"):
            del loops[name]
            return Leave("done", note=f"after {count - 1}")
        loops[name] = count
        return Leave("body", step.option("body").name, note=f"round {count}")
