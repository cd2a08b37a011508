"""What a caller may do at a spot: the keys that mean something there, one that does not, silence, hanging up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cti.flow import types as t
from cti.flow.catalog import Catalog
from cti.flow.explore_live import UNREAD_ENTRY, Live
from cti.flow.explore_values import Samples
from cti.flow.explore_world import Spot, World
from cti.flow.graph import build_graph
from cti.flow.model import Flow, Node
from cti.flow.nodes.collect import entry_bounds
from cti.flow.plan import Plan
from cti.flow.registry import REGISTRY, NodeType
from cti.flow.runcall import BY_TEXT

SIGNS = "9876543210*#"
ASKED = ("1", "2", "9", "#")  # of whatever else asks: yes, no, what means nothing, the end of an entry
MOST_AHEAD = 3
NONSENSE = "?!"  # a text that means nothing
MOST_OPENINGS = 20
PASSING = ("play", "set", "branch", "hours", "notice", "repeat")  # nodes that leave keys to those that come after them


@dataclass(frozen=True, slots=True)
class Move:
    """``do`` is begin, press, wait, hangup, limit (the time limit strikes)."""

    do: str
    keys: str = ""

    def make(self, world: World) -> None:
        match self.do:
            case "press":
                world.press(self.keys)
            case "text":
                world.write(self.keys)
            case "wait":
                world.wait()
            case "hangup":
                world.hang_up()
            case _:
                world.strike()


STAYING = ("press", "text", "wait")  # what a caller does who does not hang up
BEGIN, WAIT, HANG_UP, LIMIT = Move("begin"), Move("wait"), Move("hangup"), Move("limit")


def _asked_before(node: Node, state: Mapping[str, Any]) -> bool:
    """A question that a key may interrupt has been asked, and all keys were tried during it: they do the same now."""
    return bool(node.get("barge_in")) and any(role == "no_input" for _, _, role in state["pending"])


class Moves:
    def __init__(self, plan: Plan, samples: Samples, live: Live) -> None:
        self.plan, self.samples, self.live = plan, samples, live
        self._graphs = {name: build_graph(flow, Catalog(lookups=plan.lookups)) for name, flow in plan.flows.items()}
        self._ahead: dict[tuple[str, str], tuple[str, ...]] = {}
        self._entries: dict[tuple[str, str], tuple[str, ...]] = {}

    def at(self, spot: Spot, entered: bool) -> list[Move]:
        """In the order in which they are tried: what costs the caller nothing comes first. ``entered``: the node has
        just been entered. A node that only keeps keys for those after it keeps them then as well as later."""
        state = spot.state
        if state["ended"]:
            return []
        found = [WAIT] if spot.goes_on else []
        if state["hung_up"]:
            return found
        frame = state["frames"][-1]
        flow = self.plan.flows[frame["flow"]]
        node = flow.nodes[frame["node"]]
        if state["medium"] in BY_TEXT:
            written = () if state["texts"] else self.texts(flow, node, state)
            return [*found, *(Move("text", text) for text in written)]
        if state["answered"] or not flow.answer:
            keeps_keys = type(REGISTRY[node.type]).digit is NodeType.digit
            if entered or not keeps_keys:
                keys = self._keys(flow, node, state)
                tried = _asked_before(node, state) and not entered
                found += [Move("press", one) for one in (keys[:1] if tried else keys)]
        return [*found, HANG_UP]

    def _keys(self, flow: Flow, node: Node, state: Mapping[str, Any]) -> tuple[str, ...]:
        match node.type:
            case "menu" | "queue":
                if state["keys"]:
                    return ()
                meant = tuple(node.get("keys") or ())
                return (*meant, next((sign for sign in SIGNS if sign not in meant), ""))[: len(SIGNS)]
            case "collect":
                return self._collect(flow, node, state)
            case "voicemail":
                return ("#",) if any(kind == "record" for _, kind, _ in state["pending"]) else ()
            case "callback" if node.get("confirm"):
                return ("1", "2", "9") if not state["keys"] else ()
            case "transfer":
                return ()
        if state["keys"]:
            return ()
        if type(REGISTRY[node.type]).digit is NodeType.digit or node.type in PASSING:
            return self._typed_ahead(flow, node)
        return ASKED

    def _typed_ahead(self, flow: Flow, node: Node) -> tuple[str, ...]:
        """One key of each node that may ask next: a key typed early is taken there as one typed in time."""
        key = (flow.id, node.name)
        if key not in self._ahead:
            edges = self._graphs[flow.id].edges
            seen, todo, found = {node.name}, [node.name], dict.fromkeys("")
            while todo:
                for edge in edges[todo.pop()]:
                    following = flow.nodes[edge.target.name]
                    if following.type in ("menu", "collect"):
                        found[next(iter(following.get("keys") or "1"))] = None
                    elif following.type in PASSING and following.name not in seen:
                        todo.append(following.name)
                    seen.add(following.name)
            self._ahead[key] = tuple(found)[:MOST_AHEAD] or ("9",)
        return self._ahead[key]

    # ---- conversations by text -------------------------------------------------------------------------------

    def texts(self, flow: Flow, node: Node, state: Mapping[str, Any]) -> tuple[str, ...]:
        """What may be written at a node: what means something there, and what does not."""
        match node.type:
            case "menu":
                words = node.get("words") or {}
                meant = [(words.get(sign) or (sign,))[0] for sign in node.get("keys") or ()]
                return (*meant, NONSENSE)
            case "collect" if "value" not in state["local"]:
                typed = self._keys(flow, node, {**state, "local": {}})
                end = (node.get("digits") or {}).get("end", "#")
                return tuple(dict.fromkeys((*(keys.removesuffix(end).replace("*", ".") for keys in typed), NONSENSE)))
        if type(REGISTRY[node.type]).text is NodeType.text:
            return ()
        return ("1", "2", NONSENSE)

    def openings(self, flow: Flow) -> tuple[str, ...]:
        """What a conversation may begin with: answers to the questions that can come first."""
        edges, found = self._graphs[flow.id].edges, dict.fromkeys((NONSENSE,))
        seen, todo = {flow.start}, [flow.start]
        while todo:
            node = flow.nodes[todo.pop()]
            if node.type in ("menu", "collect"):
                found.update(dict.fromkeys(self.texts(flow, node, {"local": {}, "keys": ""})))
                continue
            following = [edge.target.name for edge in edges[node.name] if edge.target.name not in seen]
            seen.update(following)
            todo += following
        return tuple(text for text in found if text)[:MOST_OPENINGS]

    # ---- entries ---------------------------------------------------------------------------------------------

    def _collect(self, flow: Flow, node: Node, state: Mapping[str, Any]) -> tuple[str, ...]:
        local = state["local"]
        if state["keys"]:
            return ()
        if "value" in local:
            return ASKED
        digits: Mapping[str, Any] = node.get("digits") or {}
        end = digits.get("end", "#")
        if local.get("typed"):
            return (end,)
        key = (flow.id, node.name)
        if key not in self._entries:
            self._entries[key] = self._typed(flow, node, digits, end)
        return self._entries[key]

    def _typed(self, flow: Flow, node: Node, digits: Mapping[str, Any], end: str) -> tuple[str, ...]:
        """Entries that are taken, one that is too short, one that is none."""
        kind: t.Type = flow.variables[node.get("save").name].type.given()
        least, most = entry_bounds(kind, digits)
        good = self.samples.entries(kind, least, most, digits.get("pattern"))
        if UNREAD_ENTRY in self.live[flow.id][node.name]:
            good = good[:1]
        entries = [entry if len(entry) >= most else entry + end for entry in good]
        entries += ["1", end]  # begun and left, nothing at all
        wrong = next(sign for sign in "*#9" if sign != end)
        return tuple(dict.fromkeys((*entries, wrong + end)))
