"""`lookup`: read from the back office."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from cti.core import commands as c
from cti.flow.catalog import TECHNICAL_OUTCOMES, Catalog, LookupSignature
from cti.flow.kinds import Duration, PromptKind, Word
from cti.flow.model import Node
from cti.flow.nodes.extra_kinds import Fields, SaveMap, ValueMap
from cti.flow.nodes.source import Source
from cti.flow.registry import Option, Options, register
from cti.flow.step import Step


@register
class Lookup(Source):
    name, group = "lookup", "Data"
    doc = (
        "Asks a source of the back office. `result` holds what it answered, for `save`. An argument that is absent is "
        "not asked: the node is then left by `not_found` (or `error`, where the source knows no not_found)."
    )
    options: ClassVar[Options] = {
        "ask": Option(Word(), "the source, such as subscriber.get", required=True),
        "with": Option(ValueMap(), "its arguments", default={}),
        "deadline": Option(Duration(), "when to give up", default=3.0),
        "interim": Option(Fields({"after": Duration(), "say": PromptKind()}, ("say",)), "said while it takes long"),
        "save": Option(SaveMap(), "variables and what of `result` goes there, after ok", default={}),
    }
    exits = ("ok", "not_found", *TECHNICAL_OUTCOMES)
    good, unfit = "ok", "error"
    good_exits = ("ok",)
    example = """
who:
  type: lookup
  ask: subscriber.get
  with: {msisdn: =caller}
  deadline: 2s
  save: {balance: =result.balance}
  to: {ok: main, else: main}
"""

    def exits_of(self, node: Node, catalog: Catalog) -> tuple[str, ...]:
        signature = self._signature(node, catalog)
        return signature.exits if signature else self.exits

    def exits_known(self, node: Node, catalog: Catalog) -> bool:
        return self._signature(node, catalog) is not None

    def _signature(self, node: Node, catalog: Catalog) -> LookupSignature | None:
        return (catalog.lookups or {}).get(str(node.get("ask")))

    def known_sources(self, catalog: Catalog) -> Mapping[str, LookupSignature] | None:
        return catalog.lookups

    def absent(self, signature: LookupSignature) -> str:
        return "not_found" if "not_found" in signature.exits else "error"

    def command(self, step: Step, ref: int, source: str, arguments: dict[str, Any]) -> c.Command:
        return c.Lookup(ref, source, arguments, step.option("deadline"))
