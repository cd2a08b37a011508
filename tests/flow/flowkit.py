"""What the flow tests share: where the shipped flows are, what surrounds them, and short ways to a plan."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from textwrap import dedent

from cti.core import commands as c
from cti.core import events as e
from cti.flow import Calendar, Catalog, Flow, LookupSignature, Plan, Run, compile_plan, load_calendar, load_flow

#: The example of the language reference and what hangs together with it: small, and steady under the tests.
FLOWS = Path(__file__).parent / "example"
NOW = datetime.fromisoformat("2026-03-02T10:00+08:00")  # a Monday
SUBSCRIBER = LookupSignature.parse(
    {"msisdn": "phone"},
    {
        "name": "text!",
        "tier": "enum[standard, vip, senior]",
        "balance": "decimal",
        "due": "date?",
        "language": "enum[zh-CN, en-US]",
    },
    ("not_found", "locked"),
)
PAUSES = {",": c.Pause(0.15), ".": c.Pause(0.3)}
FAULT = LookupSignature.parse(
    {"number": "phone", "kind": "enum[no_tone, noise, no_internet]"}, {"ticket": "text", "pin": "text!"}, ()
)
NOTE = LookupSignature.parse({"number": "phone?"}, {"id": "text"}, ())
CATALOG = Catalog(
    lookups={"subscriber.get": SUBSCRIBER},
    requests={"fault.file": FAULT, "fault.note": NOTE},
    queues=frozenset({"service"}),
    calendars=frozenset({"hotline", "office"}),
    flows=frozenset({"other", "hotline", "csat", "fixed_line", "busy", "t"}),
)


def calendars() -> dict[str, Calendar]:
    loads = [load_calendar(file.read_bytes(), file.name) for file in sorted((FLOWS / "calendars").glob("*.yaml"))]
    return {loaded.calendar.id: loaded.calendar for loaded in loads if loaded.calendar is not None}


def load(text: str | bytes, file: str = "t.yaml") -> Flow:
    loaded = load_flow(text, file, catalog=CATALOG)
    assert loaded.flow is not None, "\n".join(map(str, loaded.issues))
    return loaded.flow


def shipped(name: str) -> Flow:
    return load((FLOWS / f"{name}.yaml").read_bytes(), f"{name}.yaml")


def shipped_plan(root: str = "hotline") -> Plan:
    names = ("hotline", "csat", "fixed_line", "busy")
    return compile_plan({name: shipped(name) for name in names}, calendars(), root)


def flow_text(nodes: str, head: str = "") -> str:
    """A flow ``t`` in one language; ``nodes`` begins with the start node ``a``."""
    body = "".join(f"  {line}\n" for line in dedent(nodes).strip().splitlines())
    return f"flow: t\nstart: a\n{dedent(head).strip()}\nnodes:\n{body}"


def plan_of(nodes: str, head: str = "", **others: Flow) -> Plan:
    return compile_plan({"t": load(flow_text(nodes, head)), **others}, calendars(), "t")


def unproved_plan_of(nodes: str, head: str = "") -> Plan:
    """Of a flow that the checker refuses, to see what the interpreter makes of it."""
    draft = load_flow(flow_text(nodes, head), "t.yaml", catalog=CATALOG).draft
    assert draft is not None
    return compile_plan({"t": draft}, calendars(), "t")


class Call:
    """A run that is written to JSON and read back before every event."""

    def __init__(self, plan: Plan, **inputs: object) -> None:
        self.plan = plan
        self.run = Run(plan, inputs, now=NOW)

    def start(self) -> c.Sprint:
        return self.run.start(NOW)

    def feed(self, *events: e.Event, at: datetime = NOW) -> c.Sprint:
        sprint: c.Sprint = []
        for event in events:
            self.run = Run.load(self.plan, self.run.dump())
            sprint += self.run.feed(event, at)
        return sprint


def say(text: str, fixed: bool = True, sensitive: bool = False, language: str = "zh-CN") -> c.Say:
    return c.Say(text, language, fixed, sensitive)


def said(text: str, *pieces: str, language: str = "zh-CN") -> c.Say:
    """A text put together from fixed pieces; ``,`` and ``.`` are pauses."""
    made = tuple(PAUSES[piece] if piece in PAUSES else say(piece, language=language) for piece in pieces)
    return c.Say(text, language, False, False, made)
