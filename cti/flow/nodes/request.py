"""`request`: write to the back office."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from cti.core import commands as c
from cti.flow.catalog import REQUEST_OUTCOMES, Catalog, LookupSignature
from cti.flow.kinds import Duration, PromptKind, Word
from cti.flow.nodes.extra_kinds import Fields, SaveMap, ValueMap
from cti.flow.nodes.source import Source
from cti.flow.registry import Option, Options, register
from cti.flow.step import Step


@register
class Request(Source):
    name, group = "request", "Data"
    doc = (
        "Has something written by the back office, once however often it is tried: a repetition is known by call, "
        "node and visit. `done`: written, and `result` holds the answer, for `save`. `rejected`: the back office "
        "will not, or an argument is absent. `accepted`: it lasts longer than `deadline`, and the engine sees it "
        "through, as it does when the caller hangs up meanwhile. `unknown`: perhaps written; the engine asks on. "
        "`error`, `throttled`: not written."
    )
    options: ClassVar[Options] = {
        "ask": Option(Word(), "the source, such as fault.file", required=True),
        "with": Option(ValueMap(), "its arguments", default={}),
        "deadline": Option(Duration(), "how long the caller waits", default=5.0),
        "interim": Option(Fields({"after": Duration(), "say": PromptKind()}, ("say",)), "said while it takes long"),
        "save": Option(SaveMap(), "variables and what of `result` goes there, after done", default={}),
    }
    exits = REQUEST_OUTCOMES
    good, unfit = "done", "unknown"  # it was written, but who knows what
    good_exits = ("done", "accepted")
    after_hangup = True
    example = """
file:
  type: request
  ask: fault.file
  with: {number: =msisdn, kind: no_tone}
  save: {ticket: =result.ticket}
  to: {done: tell, accepted: later, else: agent}
"""

    def known_sources(self, catalog: Catalog) -> Mapping[str, LookupSignature] | None:
        return catalog.requests

    def absent(self, signature: LookupSignature) -> str:
        return "rejected"

    def command(self, step: Step, ref: int, source: str, arguments: dict[str, Any]) -> c.Command:
        frame = step.frame
        key = f"{frame.flow}.{frame.node}.{frame.visit}"
        return c.Request(ref, source, arguments, key, step.option("deadline"))
