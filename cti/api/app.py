"""The WSGI application: resources joined to their collaborators. Reading settings is `cti.app`'s business."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import falcon
from falcon.media import JSONHandler

from cti.api import problems
from cti.api.audit import AuditResource, Roles, TeamResource, Teams
from cti.api.calendar_versions import CalendarHistory, CalendarRollback
from cti.api.calendars import Calendar, CalendarImport, Calendars, Office
from cti.api.calls import Call, Calls
from cti.api.chats import ChatList, ChatMessages, ChatResource, ChatRoom, SmsReceived
from cti.api.customers import CustomerBook, CustomerContacts, CustomerLookup, CustomerResource
from cti.api.demo import DemoCalls, Sandbox
from cti.api.desks import Desks, add_desks
from cti.api.entries import (
    Entries,
    EntryActivate,
    EntryCheck,
    EntryHistory,
    EntryMatch,
    EntryRollback,
    EntrySource,
)
from cti.api.floor_routes import add_floor
from cti.api.flow_files import FlowActivate, FlowCheck, FlowDraftList, FlowFiles, FlowRollback
from cti.api.flow_sources import FlowSource
from cti.api.flows import Flow, FlowList, Flows
from cti.api.guard import Guard, require_rules
from cti.api.holding import Holding
from cti.api.nodes import NodeDraining, NodeList
from cti.api.office_metrics import OfficeCollector
from cti.api.office_routes import BackOffice, add_back_office
from cti.api.once import KeepAnswers
from cti.api.openapi import PATH, OpenApi
from cti.api.operations import Health, Metrics, Vitals
from cti.api.recordings import (
    Archive,
    RecordingAudio,
    RecordingHold,
    RecordingList,
    RecordingPages,
    RecordingResource,
    RecordingsOfCall,
)
from cti.api.reports import ReportResource
from cti.api.routes import Api
from cti.api.schedules import Roster, ScheduleImport, Schedules, ShiftResource
from cti.api.sessions import Me, MyPassword, MySessions, Refresh, Session, Sessions, StreamTicket
from cti.api.switch_directory import NO_SWITCHES, PhonePassword, SwitchDirectory, Switches
from cti.api.targets import Targets
from cti.api.users import OneTimePassword, Unlock, UserKey, UserKeys, UserResource, UserRoles, Users
from cti.api.webhooks import Deliveries, Hooks, Redeliver, WebhookList, WebhookResource, WebhookSecret, WebhookTest
from cti.core.errors import CtiError
from cti.ports import Store
from cti.runtime.cluster.nodes import Nodes

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from prometheus_client.registry import Collector

    from cti.runtime.account_services import AccountServices
    from cti.runtime.chats import Chats
    from cti.runtime.floor import Floor
    from cti.runtime.recordings.shelf import Shelf
    from cti.runtime.webhooks.desk import WebhookDesk


#: Headers of answers that a browser shows to a page of another origin.
EXPOSED = ("ETag", "Location", "Retry-After", "WWW-Authenticate")


def create_app(
    store: Store,
    vitals: Vitals,
    services: AccountServices,
    *,
    sandbox: Sandbox | None = None,
    flows: Flows | None = None,
    reports: ReportResource | None = None,
    floor: Floor | None = None,
    switches: Switches = NO_SWITCHES,
    origins: Collection[str] = (),
    desks: Desks | None = None,
    shelf: Shelf | None = None,
    chats: Chats | None = None,
    webhooks: WebhookDesk | None = None,
    office: BackOffice | None = None,
    collectors: Sequence[Collector] = (),
) -> Api:
    """``collectors``: figures for ``/metrics`` beside those of the engine. ``origins``: of web pages that may use it.
    ``switches``: those that ask here for their phones and trunks.

    Without ``flows`` nothing is told of them, without ``sandbox`` there are no virtual calls,
    without ``floor`` no agents at work, without ``chats`` no customers who write.

    Raises LookupError for a route without a rule."""
    app = _bare(services, origins)
    systems = [OfficeCollector(office.server)] if office is not None else []
    _add_vitals(app, store, vitals, [*systems, *collectors])
    _add_accounts(app, services)
    _add_calls(app, store, services, reports, sandbox)
    _add_schedules(app, Roster(services))
    _add_customers(app, CustomerBook(services), Targets(floor, services, store) if floor is not None else None)
    _add_phones(app, services, switches)
    _add_nodes(app, Nodes(services.store, services.clock.now))
    add_desks(app, store, services, desks or Desks())
    if shelf is not None:
        _add_recordings(app, Archive(services, shelf), store)
    if flows is not None:
        _add_flows(app, flows, services)
    if chats is not None:
        _add_chats(app, ChatRoom(chats))
    if office is not None:
        add_back_office(app, office, services, Holding(floor))
    if webhooks is not None:
        _add_webhooks(app, Hooks(services, webhooks))
    if floor is None:
        app.add_route("/v1/me", Me(services))
    else:
        add_floor(app, floor, services, store, shelf)
    _add_descriptions(app)
    require_rules(app)
    return app


def _bare(services: AccountServices, origins: Collection[str]) -> Api:
    """Without routes: who may come in, how errors and texts are written."""
    # Tokens come in headers and never in cookies, so no page needs credentials to be allowed.
    cors: list[Any] = [falcon.CORSMiddleware(allow_origins=list(origins), expose_headers=EXPOSED)] if origins else []
    app = Api(middleware=[*cors, KeepAnswers(), Guard(services)])
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = JSONHandler(dumps=partial(json.dumps, ensure_ascii=False))
    app.add_error_handler(Exception, problems.on_bug)
    app.add_error_handler(falcon.HTTPError, _on_http_error)
    app.add_error_handler(CtiError, problems.on_cti_error)
    return app


def _add_vitals(app: Api, store: Store, vitals: Vitals, collectors: Sequence[Collector]) -> None:
    app.add_route("/healthz", Health(vitals, store))
    app.add_route("/metrics", Metrics(vitals, store, *collectors))


def _add_descriptions(app: Api) -> None:
    """Of itself: of all routes that there are by now, and of what may go wrong."""
    app.add_route(PATH, OpenApi(app))
    app.add_route("/problems/{error_id}", problems.ProblemPage())


def _add_phones(app: Api, services: AccountServices, switches: Switches) -> None:
    app.add_route("/switch/directory", SwitchDirectory(services.store.agents, switches))
    app.add_route("/v1/phones/{agent}/password", PhonePassword(services))


def _add_calls(
    app: Api, store: Store, services: AccountServices, reports: ReportResource | None, sandbox: Sandbox | None
) -> None:
    app.add_route("/v1/calls", Calls(store, services.store.agents))
    app.add_route("/v1/calls/{call_id}", Call(store, services.store.agents))
    if reports is not None:
        app.add_route("/v1/reports/{name}", reports)
    if sandbox is not None:
        app.add_route("/v1/demo/calls", DemoCalls(sandbox))


def _add_flows(app: Api, flows: Flows, services: AccountServices) -> None:
    app.add_route("/v1/flows", FlowList(flows))
    app.add_route("/v1/flows/{flow}", Flow(flows))
    files = FlowFiles(flows, services)
    app.add_route("/v1/flows/check", FlowCheck(files))
    app.add_route("/v1/flows/drafts", FlowDraftList(files))
    app.add_route("/v1/flows/activate", FlowActivate(files))
    app.add_route("/v1/flows/{flow}/source", FlowSource(files))
    app.add_route("/v1/flows/{flow}/rollback", FlowRollback(files))
    _add_entries(app, files)


def _add_nodes(app: Api, nodes: Nodes) -> None:
    app.add_route("/v1/nodes", NodeList(nodes))
    app.add_route("/v1/nodes/{node}/draining", NodeDraining(nodes))


def _add_accounts(app: Api, services: AccountServices) -> None:
    app.add_route("/v1/sessions", Sessions(services))
    app.add_route("/v1/sessions/refresh", Refresh(services))
    app.add_route("/v1/sessions/{session_id}", Session(services))
    app.add_route("/v1/me/password", MyPassword(services))
    app.add_route("/v1/me/sessions", MySessions(services))
    app.add_route("/v1/me/stream-ticket", StreamTicket(services))
    app.add_route("/v1/users", Users(services))
    app.add_route("/v1/users/{user_id}", UserResource(services))
    app.add_route("/v1/users/{user_id}/roles", UserRoles(services))
    app.add_route("/v1/users/{user_id}/one-time-password", OneTimePassword(services))
    app.add_route("/v1/users/{user_id}/unlock", Unlock(services))
    app.add_route("/v1/users/{user_id}/keys", UserKeys(services))
    app.add_route("/v1/users/{user_id}/keys/{key_id}", UserKey(services))
    app.add_route("/v1/roles", Roles())
    app.add_route("/v1/teams", Teams(services))
    app.add_route("/v1/teams/{team}", TeamResource(services))
    app.add_route("/v1/audit", AuditResource(services))


def _add_customers(app: Api, book: CustomerBook, contacts: Targets | None) -> None:
    app.add_route("/v1/customers/lookup", CustomerLookup(book, contacts))
    app.add_route("/v1/customers/{customer}", CustomerResource(book))
    app.add_route("/v1/customers/{customer}/contacts", CustomerContacts(book))


def _add_schedules(app: Api, roster: Roster) -> None:
    app.add_route("/v1/schedules", Schedules(roster))
    app.add_route("/v1/schedules/import", ScheduleImport(roster))
    app.add_route("/v1/schedules/{shift}", ShiftResource(roster))


def _add_entries(app: Api, files: FlowFiles) -> None:
    app.add_route("/v1/entries", Entries(files))
    app.add_route("/v1/entries/source", EntrySource(files))
    app.add_route("/v1/entries/check", EntryCheck(files))
    app.add_route("/v1/entries/activate", EntryActivate(files))
    app.add_route("/v1/entries/rollback", EntryRollback(files))
    app.add_route("/v1/entries/history", EntryHistory(files))
    app.add_route("/v1/entries/match", EntryMatch(files))
    office = Office(files)
    app.add_route("/v1/calendars", Calendars(office))
    app.add_route("/v1/calendars/import", CalendarImport(office))
    app.add_route("/v1/calendars/{calendar}", Calendar(office))
    app.add_route("/v1/calendars/{calendar}/history", CalendarHistory(office))
    app.add_route("/v1/calendars/{calendar}/rollback", CalendarRollback(office))


def _add_recordings(app: Api, archive: Archive, store: Store) -> None:
    app.add_route("/v1/calls/{call_id}/recordings", RecordingsOfCall(archive, store))
    app.add_route("/v1/recordings", RecordingList(archive))
    app.add_route("/v1/recordings/{recording_id}", RecordingResource(archive))
    app.add_route("/v1/recordings/{recording_id}/hold", RecordingHold(archive))
    app.add_route("/v1/recordings/{recording_id}/audio", RecordingAudio(archive))
    app.add_route("/v1/recordings/{recording_id}/pages", RecordingPages(archive))


def _add_chats(app: Api, room: ChatRoom) -> None:
    app.add_route("/v1/chats", ChatList(room))
    app.add_route("/v1/chats/{chat}", ChatResource(room))
    app.add_route("/v1/chats/{chat}/messages", ChatMessages(room))
    app.add_route("/v1/sms", SmsReceived(room))


def _add_webhooks(app: Api, hooks: Hooks) -> None:
    app.add_route("/v1/webhooks", WebhookList(hooks))
    app.add_route("/v1/webhooks/{webhook_id}", WebhookResource(hooks))
    app.add_route("/v1/webhooks/{webhook_id}/secret", WebhookSecret(hooks))
    app.add_route("/v1/webhooks/{webhook_id}/test", WebhookTest(hooks))
    app.add_route("/v1/webhooks/{webhook_id}/deliveries", Deliveries(hooks))
    app.add_route("/v1/webhooks/{webhook_id}/redeliver", Redeliver(hooks))


def _on_http_error(
    req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, params: dict[str, object]
) -> None:
    if error.headers:
        resp.set_headers(error.headers)
    problems.serialize_http_error(req, resp, error)
