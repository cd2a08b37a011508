"""The routes of what people look after while the platform runs: callbacks, notices, blocked numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cti.api.callbacks import CallbackResource, Callbacks, Desk
from cti.api.notices import Blocked, BlockedOne, Notice, Notices
from cti.runtime.notices import NoticeBoard
from cti.runtime.set_notices import SetNotices

if TYPE_CHECKING:
    from cti.api.routes import Api
    from cti.ports import Store
    from cti.runtime.account_services import AccountServices
    from cti.runtime.blocked import BlockList
    from cti.runtime.floor.callbacks import CallbackDesk


@dataclass(frozen=True, slots=True)
class Desks:
    """Of an engine that runs beside the API; what is None is looked after in the database alone."""

    callbacks: CallbackDesk | None = None
    notices: SetNotices | None = None
    blocked: BlockList | None = None


def add_desks(app: Api, store: Store, services: AccountServices, desks: Desks) -> None:
    desk = Desk(services, desks.callbacks)
    app.add_route("/v1/callbacks", Callbacks(desk))
    app.add_route("/v1/callbacks/{callback_id}", CallbackResource(desk))
    set_ = desks.notices or SetNotices(services.store.notices, NoticeBoard(), services.clock)
    every = Notices(set_, store)
    app.add_route("/v1/notices", every)
    app.add_route("/v1/notices/{notice_id}", Notice(set_, every))

    def changed() -> None:
        if desks.blocked is not None:
            desks.blocked.look()

    app.add_route("/v1/blocked", Blocked(services, changed))
    app.add_route("/v1/blocked/{blocked_id}", BlockedOne(services, changed))
