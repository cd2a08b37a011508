"""The whole API on a real store, with people of every role in two teams, and two calls, one of each team."""

from __future__ import annotations

import functools
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from falcon import testing

from cti.api.app import create_app
from cti.api.office_routes import BackOffice
from cti.api.reports import ReportResource
from cti.api.switch_directory import Switches
from cti.boss.async_desk import AsyncDesk
from cti.boss.orders.runner import OrderRunner
from cti.core.access import SYSTEM, Deed
from cti.core.calls import TerminalCause
from cti.core.people import AgentProfile, Team
from cti.core.records import CallEnded, CallStarted, LegAdded
from cti.core.script import Step
from cti.core.webhook_urls import UrlRules
from cti.core.webhooks import Answer, Message
from cti.flow import EntryTable
from cti.runtime.engine import Figures
from cti.runtime.recordings.shelf import Shelf
from cti.runtime.reload.job import Checked
from cti.runtime.webhooks.desk import WebhookDesk
from cti.switch.conf.configuration import TrunkSettings
from tests.api.chatsite import Flows
from tests.api.feedsite import QuietFeeds
from tests.api.floorsite import OneLook, make_floor
from tests.api.officesite import OfficeSite
from tests.api.ordersite import OrderBook
from tests.runtime.accountkit import NOW, PASSWORD, Office
from tests.store.template import kept_until_the_end

DEED = Deed(SYSTEM, NOW, "", "test")
#: Who there is: name -> roles. ``lead`` and ``super`` are of the north, as is anna; ben is of the south.
PEOPLE = {
    "anna": "agent@team:north",
    "ben": "agent@team:south",
    "lead": "team_lead@team:north",
    "super": "supervisor@team:north",
    "author": "flow_author",
    "auditor": "auditor",
    "root": "admin",
    "fs1": "switch@switch:fs1",
    "fs2": "switch@switch:fs2",
    "web1": "gateway",
    "web2": "gateway",
    "crm1": "orderer",
}
CALLER = "13800001234"
DOMAINS = {"fs1": "cti.local", "fs2": "two.local"}


UTC = ZoneInfo("UTC")


def live_queues() -> dict[str, dict[str, Any]]:
    return {"sales": {"waiting": 2}, "service": {"waiting": 0}}


class NoVitals:
    def figures(self) -> Figures:
        return Figures(0, 0, {}, 0, 0)

    def switches(self) -> dict[str, str]:
        return {"fs1": "up"}

    def overloads(self) -> dict[tuple[str, str], bool]:
        return {("cpu", ""): False}


class NoSandbox:
    def place(self, caller: str, called: str, script: list[Step]) -> str:
        return "c-9"


class NoReceiver:
    """Where webhooks go: `crm.example` alone may be named, and takes what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.answer = Answer(200)

    def check(self, url: str) -> None:
        UrlRules(["crm.example"]).target(url)

    def send(self, url: str, message: Message) -> Answer:
        self.sent.append((url, message))
        return self.answer

    def close(self) -> None:
        pass


class NoFlows:
    """Has one flow, which is held back, and nothing else to tell; no files, no history, and finds nothing wrong."""

    reloader = SimpleNamespace(
        folder=Path("nowhere"),
        standing=SimpleNamespace(held={}),
        rehearse=lambda _texts: Checked([]),
        put_live=lambda *_: None,
    )
    history = SimpleNamespace(find=lambda *_: [], history=lambda *_: [], active=dict)
    library = SimpleNamespace(entry=EntryTable((), {}, {}), plans={}, canaries={}, calendars={})

    def detail(self, name: str, *_: Any) -> dict[str, Any]:
        return {"flow": name, "version": None, "held_back": None, "history": []}

    def last_attempt(self) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return lambda *_: []


class Platform:
    """On an office made by `staffed_office`."""

    def __init__(self, office: Office) -> None:
        self.office, self.services, self.store = office, office.services, office.store
        self.floor, self.legs = make_floor(office.clock)
        self.floor.hub.subscribe = OneLook(self.floor)  # type: ignore[method-assign]  # a stream would never end
        self.shelf = Shelf(self.store.accounts.recordings, office.folder)
        self.texts = Flows(self.floor, office.clock)
        self.trunks: dict[str, TrunkSettings] = {}
        self.receiver = NoReceiver()
        self.webhooks = WebhookDesk(
            self.store.accounts.webhook_queue, self.receiver, office.clock, self.floor.hub, self.store.record,
            self.store.flush, "test/0",
        )  # fmt: skip
        accounts = self.store.accounts
        self.boss = OfficeSite(office.clock, accounts.office_writes)
        server = self.boss.server
        self.ordered = AsyncDesk(
            accounts.async_requests, server.writes, lambda: server.plan, self.receiver, office.clock, "test/0"
        )
        self.feeds = QuietFeeds(self.store, office.clock.now, office.folder)
        taker, files = OrderBook(self.store, office.clock.now), self.store.accounts.request_files
        self.orders = OrderRunner({}, taker, files, office.clock.now, office.folder)
        self.app = create_app(
            self.store, NoVitals(), self.services, sandbox=NoSandbox(),
            switches=Switches(DOMAINS, self.trunks), floor=self.floor, shelf=self.shelf, flows=NoFlows(),  # type: ignore[arg-type]
            chats=self.texts.chats, webhooks=self.webhooks,
            office=BackOffice(server, self.ordered, self.feeds, self.orders),
            reports=ReportResource(self.store.reports, self.services.store.agents, office.clock, UTC, live_queues),
        )  # fmt: skip
        self.anybody = testing.TestClient(self.app)
        self._tokens: dict[str, str] = {}

    def token(self, name: str) -> str:
        if name not in self._tokens:
            self._tokens[name] = self.office.token(name, PASSWORD)
        return self._tokens[name]

    def client(self, name: str) -> testing.TestClient:
        """Requests of this person, signed in."""
        return testing.TestClient(self.app, headers={"Authorization": f"Bearer {self.token(name)}"})

    def do(self, name: str, method: str, path: str, body: Any = None, **more: Any) -> testing.Result:
        options = {**more, **({} if body is None else {"json": body})}
        return self.client(name).simulate_request(method, path, **options)


def staffed_office(folder: Path) -> Office:
    """With `PEOPLE` and the calls, made once and copied."""
    return Office(folder, template=_template())


@functools.cache
def _template() -> Path:
    folder = kept_until_the_end("cti-staffed-")
    office = Office(folder)
    accounts = office.store.accounts
    for team in ("north", "south"):
        accounts.people.save_team(Team(team), DEED)
    for name, grant in PEOPLE.items():
        office.person(name, grant)
    people = (("1001", "anna", "north"), ("1002", "ben", "south"))
    accounts.agents.save([AgentProfile(id_, f"u-{name}", name, team, phone=id_) for id_, name, team in people], DEED)
    for call, phone in (("c-north", "1001"), ("c-south", "1002"), ("c-nobodys", "")):
        office.store.record(CallStarted(call, "fs1", "10086", NOW, caller=CALLER, caller_name="Wang"))
        if phone:
            office.store.record(LegAdded(call, f"{call}-2", "agent", NOW + 1, phone))
        office.store.record(CallEnded(call, NOW + 60, TerminalCause.CALLER_HANGUP))
    assert office.store.flush(10.0)
    office.close()
    return folder
