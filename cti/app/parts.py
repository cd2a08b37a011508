"""The parts of an engine, made of its settings."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from cti.acd import Overflow, QueueConfig, Select
from cti.app.boot import boot_id
from cti.boss import DEMO_DATABASE, DEMO_INTERFACES, WAYS, OfficePlan, ensure_demo_database, load_office
from cti.channels.log import LogChannel
from cti.channels.outbox import OutboxChannel
from cti.core.commands import Say
from cti.core.errors import ConfigError
from cti.core.recordings import RecordingKind, Retention
from cti.core.wrapups import Dispositions
from cti.flow.notices import notice_says
from cti.flow.suggest import did_you_mean
from cti.prompts import Renderer, TextPrompts, WavPrompts
from cti.runtime.durable import DurableCalls, PlanSource
from cti.runtime.floor import Floor
from cti.runtime.floor.agent_legs import ALERT
from cti.runtime.floor.hours import OpeningHours
from cti.runtime.floor.hunting import PERSON, membership
from cti.runtime.floor.writers import Silence
from cti.runtime.recordings.keeper import Keeper
from cti.runtime.recordings.plain import PlainFiles
from cti.runtime.recordings.shelf import Shelf
from cti.runtime.reload.job import PromptJob
from cti.runtime.reload.reloader import ReloadSetup
from cti.runtime.request_spool import FileSpool
from cti.store import Endings
from cti.switch.speech import Engine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cti.app.switchboard import Switchboard
    from cti.config import OutboundSettings, QueueSettings, Settings
    from cti.flow import Catalog
    from cti.flow.notices import Notice
    from cti.ports import Clock, FlowHistory, MessageChannel, OwnerBook, Store
    from cti.runtime.library import FlowLibrary
    from cti.runtime.reload.reloader import Reloader
    from cti.runtime.services import PromptDesk
    from cti.store.office_sealer import OfficeSealer
    from cti.store.recordings import Recordings

log = logging.getLogger("cti.app")


def reload_setup(settings: Settings, catalog: Catalog) -> ReloadSetup:
    prompts = None
    if not speaks_by_itself(settings):
        folder, cache = settings.flows / "prompts", settings.data / "prompts"
        prompts = PromptJob(str(folder), str(cache), dict(settings.prompts.voices), settings.prompts.speed)
    tested = settings.data / "flows-tested.json"
    return ReloadSetup(settings.flows, catalog, tested, prompts, settings.reload.deadline_s)


def speaks_by_itself(settings: Settings) -> bool:
    return all(switch.kind == "embedded" for switch in settings.switches)


def make_folder(folder: Path) -> None:
    """Raises ConfigError: not to be made, or not to be named to the switch (`record` takes words)."""
    if any(char.isspace() for char in str(folder.resolve())):
        raise ConfigError(
            f"the folder {folder} has a blank in its path, and the switch cannot record into it",
            code="bad-folder",
            remedy="set `data:` to a path without blanks",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot make the folder {folder}: {error.strerror}",
            code="unwritable-folder",
            remedy="set `data:` to a folder that the engine's user may write",
        ) from error


def store_place(settings: Settings) -> tuple[str, Path]:
    url = settings.store.url or f"sqlite:///{settings.data / 'cti.db'}"
    return url, settings.store.keys or settings.data / "keys.json"


def endings_of(settings: Settings) -> Endings:
    """Bounds of the store's connections."""
    pool = settings.store.pool
    return Endings(pool.connections, pool.wait_s, pool.connect_s, pool.statement_s, pool.lock_s)


def load_boss(settings: Settings) -> tuple[OfficePlan, Path]:
    """What the interface server is to do, and the folder from which its relative paths count."""
    file = settings.boss.file
    if file is not None:
        return load_office(file, WAYS), file.parent
    ensure_demo_database(settings.data / DEMO_DATABASE)
    return load_office(DEMO_INTERFACES, WAYS), settings.data


def make_floor(settings: Settings, clock: Clock, prompts: PromptDesk, board: Switchboard) -> Floor:
    queues = [_queue(name, queue) for name, queue in settings.queues.items()]
    queues.append(QueueConfig("", wrapup_s=settings.outbound.wrapup_s))
    recorded = {name for name, queue in settings.queues.items() if queue.record}
    if settings.outbound.record:
        recorded.add("")
    floor = Floor(
        clock,
        queues,
        prompts,
        board.legs_of,
        {name: queue.music for name, queue in settings.queues.items()},
        recorded,
        {
            "": _dispositions(settings.outbound),
            **{name: _dispositions(queue) for name, queue in settings.queues.items()},
        },
        switches=board.up,
        idle=() if settings.permanent_legs.idle is None else (settings.permanent_legs.idle,),
        alert=settings.permanent_legs.alert or ALERT,
    )
    floor.desk.park_s, floor.desk.parker_s = settings.parking.park_s, settings.parking.parker_s
    floor.callers.parker_s = settings.parking.parker_s
    told = settings.conversations
    floor.texts.silence["sms"] = Silence(told.sms_customer_s, told.sms_agent_s)
    floor.texts.silence["chat"] = Silence(told.chat_customer_s, told.chat_agent_s)
    for name, queue in settings.queues.items():
        if queue.agents:
            floor.hunt(name, queue.agents, queue.rest_s)
    return floor


def _dispositions(told: QueueSettings | OutboundSettings) -> Dispositions:
    return Dispositions(told.dispositions, told.disposition_required)


def make_hours(settings: Settings, clock: Clock, floor: Floor, library: FlowLibrary) -> OpeningHours:
    """Raises ConfigError (unknown-calendar): the flows have no such calendar."""
    of = {name: queue.calendar for name, queue in settings.queues.items() if queue.calendar is not None}
    for queue, calendar in of.items():
        if calendar not in library.calendars:
            raise ConfigError(
                f"queue {queue}: there is no calendar '{calendar}'{did_you_mean(calendar, library.calendars)}",
                code="unknown-calendar",
                remedy=f"add calendars/{calendar}.yaml to the flows, or name another one",
            )
    library.asked_by_settings = {f"queue {queue}": calendar for queue, calendar in of.items()}
    if settings.callbacks.calendar is not None:
        library.asked_by_settings["callbacks"] = settings.callbacks.calendar
    return OpeningHours(floor.owner, clock, of, lambda: library.calendars, floor.publisher.touch)


def _queue(name: str, queue: QueueSettings) -> QueueConfig:
    """Phones of a hunt group have the queue's own skill and no other; a queue that asks nothing takes every person."""
    asked = {**queue.skills, **({membership(name): 1} if queue.agents else {})}
    return QueueConfig(
        name,
        skills=asked or PERSON,
        priority=queue.priority,
        limit=queue.limit,
        ring_s=queue.ring_s,
        wrapup_s=queue.wrapup_s,
        select=Select(queue.select),
        overflow=tuple(Overflow(o.to, o.after_s, o.length, o.wait_s, o.no_agents) for o in queue.overflow),
        wait_unstaffed=queue.wait_unstaffed,
        unstaffed_s=queue.unstaffed_s,
        after_work_ready=queue.after_work_ready,
        service_level_s=queue.service_level_s,
    )


def make_keeper(settings: Settings, store: Store, recordings: Recordings, clock: Clock) -> Keeper:
    """Raises ConfigError (bad-folder, unwritable-folder)."""
    plain = PlainFiles(settings.data, settings.node)
    make_folder(plain.folder)
    return Keeper(Shelf(recordings, settings.data), plain, clock, retention_of(settings), store.flush)


def retention_of(settings: Settings) -> Retention:
    days = {kind: getattr(settings.recording, f"{kind}_days") for kind in RecordingKind}
    queues = {name: queue.record_days for name, queue in settings.queues.items() if queue.record_days is not None}
    return Retention(days, queues)


def open_spool(folder: Path, sealer: OfficeSealer) -> FileSpool:
    return FileSpool(folder, sealer.seal, sealer.open)


def make_channel(settings: Settings, name: str, how: str) -> MessageChannel:
    return OutboxChannel(settings.data / "outbox" / name) if how == "outbox" else LogChannel(name)


def resume_says(settings: Settings) -> dict[str, Say]:
    """What a caller hears first after a gap, by language."""
    return {language: Say(text, language) for language, text in settings.resume.prompt.items()}


def make_durable(
    settings: Settings,
    store: Store,
    owners: OwnerBook,
    history: FlowHistory,
    clock: Clock,
    library: FlowLibrary,
    reloader: Reloader,
) -> DurableCalls:
    owner = f"{settings.node}/{settings.worker.slot}"
    plans = PlanSource(library, history, reloader.building)
    return DurableCalls(store, owners, clock, owner, plans, boot=boot_id(), prompt=resume_says(settings))


def find_engine(settings: Settings) -> Engine | None:
    """The recogniser of the configuration; None without one."""
    speech = settings.speech
    if speech is None:
        return None
    return Engine(
        speech.engine,
        profile=speech.profile or "",
        grammar=speech.grammar,
        grammars=speech.grammars,
        languages=speech.languages,
        params=speech.params,
        scale=speech.confidence,
        announces=speech.announces,
        folder=(settings.data / "grammars").absolute(),
    )


def make_prompts(settings: Settings, library: FlowLibrary, notices: Iterable[Notice]) -> TextPrompts | WavPrompts:
    """As text when every switch speaks by itself, else as files, all fixed ones rendered before the first call."""
    folder = settings.flows / "prompts"
    if speaks_by_itself(settings):
        return TextPrompts(folder)
    prompts = WavPrompts(
        folder,
        settings.data / "prompts",
        voices=settings.prompts.voices,
        renderer=Renderer(speed=settings.prompts.speed),
    )
    ahead = [*library.fixed_prompts(), *notice_says(notices), *resume_says(settings).values()]
    report = prompts.render_ahead(ahead, _progress)
    log.info("prompts: %d rendered, %d cached, %d recorded", report.rendered, report.cached, report.recorded)
    for say, error in report.failed:
        log.error("prompt not rendered (%s): %s", say.language, error)
    return prompts


def _progress(done: int, total: int) -> None:
    if done == total or done % max(1, total // 10) == 0:
        log.info("prompts: %d of %d", done, total)
