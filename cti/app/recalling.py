"""What calls people: the callback desk of an engine, and agents who dial; and the notices that people set."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cti.flow.notices import notice_languages
from cti.runtime.floor.callbacks import CallbackDesk
from cti.runtime.floor.dials import Dials
from cti.runtime.floor.outcalls import OutCalls
from cti.runtime.floor.promises import CallbackRules, Surroundings
from cti.runtime.set_notices import SetNotices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cti.app.switchboard import Elsewhere, Switchboard
    from cti.config import Settings
    from cti.core.commands import Say
    from cti.ports import Clock
    from cti.runtime.admission import Admission
    from cti.runtime.engine import Engine
    from cti.runtime.floor import Floor
    from cti.runtime.journal import Journal
    from cti.runtime.library import FlowLibrary
    from cti.runtime.notices import NoticeBoard
    from cti.runtime.recordings.plain import PlainFiles
    from cti.runtime.services import PromptDesk
    from cti.store.callbacks import Callbacks
    from cti.store.notices import Notices


def make_out_calls(
    settings: Settings,
    floor: Floor,
    journal: Journal,
    board: Switchboard,
    plain: PlainFiles,
) -> OutCalls:
    """And agents may dial from now on."""
    calls = OutCalls(
        floor.owner,
        floor.talks,
        journal,
        lambda: next(iter(board.up().items()), None),
        plain,
        shown=settings.dialing.caller_number or "",
    )
    floor.dials = Dials(floor.lines, calls, floor.publisher, settings.outbound.ring_s)
    return calls


def make_callback_desk(
    settings: Settings,
    clock: Clock,
    floor: Floor,
    calls: OutCalls,
    store: Callbacks,
    library: FlowLibrary,
    around: Callable[[], Elsewhere],
    engine: Callable[[], Engine],
    admission: Admission,
    is_over: Callable[[str], bool],
) -> CallbackDesk:
    """``around``, ``engine``: there once they are made. ``is_over``: of a notice."""
    rules, zone = settings.callbacks, ZoneInfo(settings.timezone)

    def permitted(at: float) -> bool:
        calendar = library.calendars.get(rules.calendar) if rules.calendar is not None else None
        return rules.calendar is None or (
            calendar is not None and calendar.state(datetime.fromtimestamp(at, zone)) == "open"
        )

    return CallbackDesk(
        floor.owner,
        floor.callers,
        calls,
        store,
        clock,
        CallbackRules(
            rules.pause_s,
            rules.ring_s,
            rules.limit,
            rules.at_once,
            permitted,
            next(iter(settings.prompts.voices), "en-US"),
        ),
        Surroundings(
            lambda uuid: engine().is_up(uuid) or around().is_up(uuid),
            lambda uuid: engine().number_of(uuid) or around().number_of(uuid),
            lambda number: admission.has(number) or around().on_line(number),
            lambda flow: flow in library.plans,
            is_over,
        ),
        str(settings.worker.slot),
    )


def make_set_notices(
    store: Notices, board: NoticeBoard, clock: Clock, library: FlowLibrary, prompts: PromptDesk
) -> SetNotices:
    """Every notice must be there in the languages of the flows that say notices; it is spoken ahead."""

    def languages() -> set[str]:
        return notice_languages(flow for plan in library.plans.values() for flow in plan.flows.values())

    def render(says: Sequence[Say]) -> None:
        for say in says:
            if prompts.find((say,)) is None:
                prompts.render("", (say,))

    return SetNotices(store, board, clock, languages, render)
