"""What every side of an engine stands on: store, back office, flows, prompts, and where calls stood."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import gevent

from cti.app.admitting import make_admission, make_overload
from cti.app.hooks import make_outbox
from cti.app.office_keys import own_sealer
from cti.app.office_watch import OfficeWatch
from cti.app.parts import (
    endings_of,
    load_boss,
    make_durable,
    make_folder,
    make_keeper,
    make_prompts,
    open_spool,
    reload_setup,
    store_place,
)
from cti.boss import InterfaceServer
from cti.flow import EntryTable
from cti.prompts import WavPrompts
from cti.runtime.account_services import AccountServices
from cti.runtime.blocked import BlockList
from cti.runtime.journal import Journal
from cti.runtime.library import FlowLibrary
from cti.runtime.notices import NoticeBoard, NoticeTally
from cti.runtime.reload.reloader import Reloader
from cti.runtime.requests import RequestDesk
from cti.runtime.services import PromptDesk
from cti.runtime.transcripts import Transcripts
from cti.store import open_store
from cti.store.token_key import load_token_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cti.boss import OfficePlan
    from cti.config import Settings
    from cti.ports import Clock, Prompts


class Ground:
    """``direct``: called number -> flow, before the entry table is asked. ``hears``: callers can speak.
    ``notice_over``: told of each notice that holds no more. ``prompts``: in the place of texts or files. ``recorded``:
    the folder with the engine's recordings, where it is not `data`."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        direct: Mapping[str, str],
        hears: bool,
        notice_over: Callable[[str], None],
        prompts: Prompts | None = None,
        recorded: Path | None = None,
    ) -> None:
        self.settings, self.clock, self.zone = settings, clock, ZoneInfo(settings.timezone)
        self.worker = f"{settings.node}/{settings.worker.slot}"
        make_folder(settings.data)
        plan, self.office_folder = load_boss(settings)
        url, keys = store_place(settings)
        self.store = open_store(url, keys, clock=clock.now, endings=endings_of(settings))
        signing = settings.api.token_key or settings.data / "token-key.pem"
        self.accounts = AccountServices(self.store.accounts, load_token_key(signing), clock)
        self.office = self._office(plan)
        sealer = self.store.accounts.office_sealer
        self.requests = RequestDesk(self.office, clock, open_spool(settings.data / "requests", sealer))
        self.overload = make_overload(settings)
        self.library = FlowLibrary({}, EntryTable((), {}, {}), direct=direct)
        tally = NoticeTally(self.store.record, lambda: datetime.fromtimestamp(clock.now(), self.zone))
        self.notices = NoticeBoard(over=notice_over, tally=tally)
        self.blocked = BlockList(self.store.accounts.blocked, clock)
        self.reloader = self._load_flows(plan, hears)
        place = settings if recorded is None else settings.model_copy(update={"data": recorded})
        self.recordings = make_keeper(place, self.store, self.accounts.store.recordings, clock)
        self.prompts = prompts or make_prompts(settings, self.library, self.notices.notices)
        self.desk = PromptDesk(self.prompts)
        self.journal = Journal(self.store, clock)
        self.transcripts = Transcripts(self.store, clock)
        self.durable = make_durable(
            settings, self.store, self.store.owners, self.store.flows, clock, self.library, self.reloader
        )
        self.admission = make_admission(settings, clock, self.blocked.holds, self.overload, self.office)

    def use_keys(self, plan: OfficePlan) -> None:
        """The interface server seals with a ring of its own where ``plan`` names one. Raises ConfigError."""
        self.store.accounts.office_sealer.use(own_sealer(plan.keys, self.office_folder))

    def watch(self) -> list[gevent.Greenlet[[], None]]:
        """Files of flows and of the back office are looked after from here on, where they are to be; what runs until it
        is killed."""
        if not self.settings.reload.watch:
            return []
        self.reloader.start()
        file = self.settings.boss.file
        return [] if file is None else [gevent.spawn(OfficeWatch(self.office, file, self.use_keys).run)]

    def close(self) -> None:
        self.requests.close()
        self.office.close()
        self.accounts.close()
        self.store.close(10.0)
        if isinstance(self.prompts, WavPrompts):
            self.prompts.close()

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _office(self, plan: OfficePlan) -> InterfaceServer:
        self.use_keys(plan)
        accounts = self.store.accounts
        return InterfaceServer(
            plan,
            self.clock,
            folder=self.office_folder,
            sealing=accounts.office_sealer,
            writes=accounts.office_writes,
            shared=accounts.office_cache,
            outbox=make_outbox(self.settings, self.store, self.clock),
        )

    def _load_flows(self, plan: OfficePlan, hears: bool) -> Reloader:
        settings = self.settings
        catalog = replace(
            plan.catalog(),
            queues=frozenset(settings.queues),
            speech=hears,
            platforms=frozenset(settings.dialing.platforms),
        )
        setup = reload_setup(settings, catalog)
        reloader = Reloader(self.library, self.store.flows, self.clock, setup, self.notices)
        reloader.load(watched=settings.reload.watch)
        return reloader
