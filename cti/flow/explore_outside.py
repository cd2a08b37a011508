"""What everything outside a call may answer, as flow tests write it under ``given:``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from cti.core import commands as c
from cti.flow import types as t
from cti.flow.catalog import Catalog, LookupSignature
from cti.flow.explore_uses import SAMPLED, judged
from cti.flow.explore_values import Samples
from cti.flow.expressions import Expression
from cti.flow.model import Flow, Node
from cti.flow.plan import Plan
from cti.flow.registry import REGISTRY
from cti.flow.units import format_duration

Answer = tuple[str, Any]  # the name under `given:`, and what stands there
SLOW_S = 0.5  # how much longer than `interim` a slow answer takes
SHORT = "500ms"  # a message too short to be one
WAITS = ("30s", "10m")  # expected waits in a queue


class Outside:
    def __init__(self, plan: Plan, samples: Samples) -> None:
        self.plan, self.samples = plan, samples
        self.judged = judged(plan)
        self._known: dict[tuple[str, str, str], tuple[Answer, ...]] = {}

    def answers(self, flow: Flow, node: Node, work: c.Work) -> tuple[Answer, ...]:
        """Every answer to ``work``, which ``node`` asked for, the plain one first; () when it wants none."""
        key = (flow.id, node.name, type(work).__name__)
        if key not in self._known:
            self._known[key] = tuple(self._answers(flow, node, work))
        return self._known[key]

    def _answers(self, flow: Flow, node: Node, work: c.Work) -> list[Answer]:
        match work:
            case c.Lookup(source=source):
                return [(source, value) for value in self._lookup(flow, node, work)]
            case c.Request(source=source):
                return [(source, value) for value in self._request(flow, node, work)]
            case c.FindNotices():
                return [("notices", value) for value in self._notices(flow)]
            case c.EnterQueue(queue=queue):
                return [(f"queue.{queue}", value) for value in self._queue(node, work)]
            case c.Record():
                short = {"outcome": "done", "lasts": SHORT}
                return [("record", value) for value in ("done", short, "silence", "failed")]
            case c.Transfer():
                return [("transfer", outcome) for outcome in self._exits(node)]
            case c.RequestCallback():
                return [("callback", outcome) for outcome in self._exits(node)]
            case c.SendFax() | c.ReceiveFax():
                return [("fax", outcome) for outcome in self._exits(node)]
            case c.PlayVideo():
                return [("video", outcome) for outcome in self._exits(node)]
            case c.SendMessage():
                return [("message", outcome) for outcome in self._exits(node)]
        return []

    def _exits(self, node: Node) -> tuple[str, ...]:
        return REGISTRY[node.type].exits_of(node, Catalog(lookups=self.plan.lookups))

    # ---- look-ups --------------------------------------------------------------------------------------------

    def _lookup(self, flow: Flow, node: Node, work: c.Lookup) -> list[Any]:
        results = self._results(flow, node, self.plan.lookups.get(work.source))
        found: list[Any] = [*results]
        interim = node.get("interim")
        slow_s = (interim.get("after", 0.8) + SLOW_S) if interim else 0.0
        if 0 < slow_s < work.deadline_s:
            found.append({"outcome": "ok", "values": results[0], "after": format_duration(slow_s)})
        return [*found, *(outcome for outcome in self._exits(node) if outcome != "ok")]

    def _request(self, flow: Flow, node: Node, work: c.Request) -> list[Any]:
        results = self._results(flow, node, self.plan.lookups.get(work.source))
        return [*results, *(outcome for outcome in self._exits(node) if outcome != "done")]

    def _notices(self, flow: Flow) -> list[Any]:
        """None, one of which nobody knows when it will be over, two of which the first ends soon."""
        plain = {"id": "one", "say": dict.fromkeys(flow.languages, "notice")}
        ending = {**plain, "ends": "2099-01-01T00:00+08:00", "priority": 1}
        return [[], [plain], [ending, {**plain, "id": "two"}]]

    def _results(self, flow: Flow, node: Node, signature: LookupSignature | None) -> list[dict[str, Any]]:
        """Answers that differ in one field each; only in fields that the node saves."""
        wanted = _saved_fields(flow, node)
        varied = self._varied(flow, node)
        fields = dict(signature.outputs) if signature else wanted
        plain = {name: self.samples.of(kind.given())[0] for name, kind in fields.items()}
        found = [plain]
        for name in wanted:
            kind = fields.get(name)
            if kind is None:
                continue
            for value in self.samples.of(kind)[1:] if name in varied else (None,) * kind.optional:
                found.append({k: v for k, v in {**plain, name: value}.items() if v is not None})
        absent = {name: value for name, value in plain.items() if not fields[name].optional}
        return list({repr(one): one for one in (*found, absent)}.values())

    def _varied(self, flow: Flow, node: Node) -> frozenset[str]:
        """Fields of which it matters what they hold, because something judges it; of the others a plain one will do."""
        signature = self.plan.lookups.get(str(node.get("ask")))
        found: set[str] = set()
        for variable, named in (node.get("save") or {}).items():
            for field, kind in _fields_in(named.expression):
                declared = flow.variables.get(variable)
                outer = signature.outputs.get(field) if signature else None
                alike = declared is not None and (outer is None or outer.kind == declared.type.kind)
                plain = kind and alike and declared is not None and declared.type.kind in SAMPLED
                if not plain or (flow.id, variable) in self.judged:
                    found.add(field)
        return frozenset(found)

    # ---- queues ----------------------------------------------------------------------------------------------

    def _queue(self, node: Node, work: c.EnterQueue) -> list[Any]:
        found: list[Any] = []
        for outcome in self._exits(node):
            if outcome == "timeout" and work.max_wait_s is None:
                continue  # nothing ends the wait
            found.append(outcome)
        every = work.announce_every_s
        if every:
            after = format_duration(2 * every + 5)
            found += [{"outcome": "talked", "after": after, "position": 2, "ewt": ewt} for ewt in WAITS]
        return found


def _saved_fields(flow: Flow, node: Node) -> Mapping[str, t.Type]:
    """Fields of the result that are saved, with the type of the variable they go to."""
    fields: dict[str, t.Type] = {}
    for variable, named in (node.get("save") or {}).items():
        for field, _ in _fields_in(named.expression):
            declared = flow.variables.get(variable)
            fields[field] = declared.type if declared else t.ANY
    return fields


def _fields_in(expression: Expression | None) -> Iterator[tuple[str, bool]]:
    """(field of the result, whether it is all of the expression)."""
    for part in ast.walk(expression.tree) if expression is not None else ():
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "result":
            yield part.attr, part is expression.tree if expression is not None else False
