"""Routes of those who work with customers, and of those who look after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.api import agent_bulk, agents, contacts, work
from cti.api.customers import CustomerBook
from cti.api.events import Events
from cti.api.my_calls import Dial, PickUp
from cti.api.my_contacts import MyContactCommand, MyContacts
from cti.api.my_messages import ContactDocument, MyMessages
from cti.api.my_wrapups import MyWrapUp
from cti.api.queues import Queue, Queues
from cti.api.states import States
from cti.api.targets import Targets

if TYPE_CHECKING:
    from cti.api.routes import Api
    from cti.ports import Store
    from cti.runtime.account_services import AccountServices
    from cti.runtime.floor import Floor
    from cti.runtime.recordings.shelf import Shelf


def add_floor(app: Api, floor: Floor, services: AccountServices, store: Store, shelf: Shelf | None) -> None:
    """``shelf``: of documents that customers send."""
    desk = work.Work(floor, services)
    app.add_route("/v1/me", work.WorkingMe(services, desk))
    app.add_route("/v1/me/sign-in", work.SignIn(desk))
    app.add_route("/v1/me/sign-out", work.SignOut(desk))
    app.add_route("/v1/me/state", work.State(desk))
    app.add_route("/v1/me/next", work.Next(desk))
    app.add_route("/v1/me/heartbeat", work.Heartbeat(desk))
    app.add_route("/v1/me/contacts", MyContacts(desk))
    app.add_route("/v1/me/contacts/{contact}/messages", MyMessages(desk))
    app.add_route("/v1/me/contacts/{contact}/wrapup", MyWrapUp(desk))
    targets = Targets(floor, services, store, CustomerBook(services))
    app.add_route("/v1/me/dial", Dial(desk, targets))
    app.add_route("/v1/me/contacts/{contact}/{command}", MyContactCommand(desk, targets))
    app.add_route("/v1/events", Events(floor, services))
    app.add_route("/v1/states", States())
    staff = agents.Staff(floor, services)
    app.add_route("/v1/agents", agents.Agents(staff))
    app.add_route("/v1/agents/skills", agent_bulk.AgentSkills(staff))
    app.add_route("/v1/agents/import", agent_bulk.AgentImport(staff))
    app.add_route("/v1/agents/states", agent_bulk.AgentStates(staff))
    app.add_route("/v1/skills/import", agent_bulk.SkillImport(staff))
    app.add_route("/v1/agents/{agent}", agents.Agent(staff))
    app.add_route("/v1/agents/{agent}/state", agents.AgentState(staff))
    app.add_route("/v1/agents/{agent}/sign-out", agents.AgentSignOut(staff))
    app.add_route("/v1/skills", agents.Skills(staff))
    app.add_route("/v1/skills/{skill}", agents.Skill(staff))
    app.add_route("/v1/queues", Queues(floor))
    app.add_route("/v1/queues/{queue}", Queue(floor))
    live = contacts.Live(floor, services)
    app.add_route("/v1/contacts", contacts.Contacts(live))
    app.add_route("/v1/contacts/{contact}", contacts.Contact(live))
    app.add_route("/v1/contacts/{contact}/pick-up", PickUp(desk, live))
    app.add_route("/v1/contacts/{contact}/move", contacts.ContactMove(live))
    app.add_route("/v1/contacts/{contact}/priority", contacts.ContactPriority(live))
    app.add_route("/v1/contacts/{contact}/monitor", contacts.ContactMonitor(live))
    if shelf is not None:
        app.add_route("/v1/contacts/{contact}/document", ContactDocument(live, shelf))
