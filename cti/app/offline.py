"""What the command line needs without an engine: flows, catalogues, records and history read by themselves."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cti.app.clocks import SystemClock
from cti.app.parts import store_place
from cti.boss import DEMO_INTERFACES, WAYS, load_office
from cti.files import read_file
from cti.flow.notices import Notice, load_notices, notice_languages, read_notice
from cti.runtime.accounts import Accounts
from cti.runtime.library import FlowsRefused, load_folder
from cti.runtime.passwords import Hasher
from cti.runtime.reload.files import NOTICES, decoded
from cti.store import open_store
from cti.store.accounts import open_accounts as open_account_store
from cti.store.flow_versions import open_flow_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cti.config import Settings
    from cti.core.issue import Issue
    from cti.flow import Catalog
    from cti.ports import Store
    from cti.runtime.library import FlowLibrary
    from cti.store.flow_versions import FlowVersions
    from cti.store.report_rows import Reports


def load_flows(folder: Path) -> FlowLibrary:
    """The flows in a folder against the demo's look-ups, as the demo would run them. Raises FlowsRefused."""
    return load_folder(folder, demo_catalog())


def configured_flows(settings: Settings) -> FlowLibrary:
    """The flows of an installation against what its back office offers. Raises FlowsRefused, OfficeRefused."""
    return load_folder(settings.flows, flow_catalog(settings))


def flow_catalog(settings: Settings) -> Catalog:
    """What the flows of an installation may ask. Raises OfficeRefused."""
    speech, platforms = settings.speech is not None, frozenset(settings.dialing.platforms)
    return replace(
        load_office(settings.boss.file or DEMO_INTERFACES, WAYS).catalog(), speech=speech, platforms=platforms
    )


def kept_files(settings: Settings, flow: str, version: str) -> Mapping[str, str] | None:
    """File name -> text of a version of a flow as the history has it; None when it does not."""
    with open_flow_versions(store_place(settings)[0]) as history:
        found = history.find(flow, version)
    return found[0].files if len(found) == 1 else None


def demo_catalog() -> Catalog:
    """What the demo's flows may ask."""
    return replace(load_office(DEMO_INTERFACES, WAYS).catalog(), speech=False)


def check_flows(folder: Path) -> list[Issue]:
    """All findings about the flows and notices in a folder; raises nothing for bad content."""
    languages: set[str] = set()
    try:
        library = load_flows(folder)
        flows = [flow for plan in library.plans.values() for flow in plan.flows.values()]
        issues, languages = library.issues, notice_languages(flows)
    except FlowsRefused as refused:
        issues = refused.findings
    notices = folder / "notices.yaml"
    if notices.exists():
        issues = [*issues, *load_notices(notices.read_bytes(), str(notices), languages=languages).issues]
    return issues


@dataclass(frozen=True)
class NoticeFile:
    """``notices`` are in force for an engine that runs; ``issues``: what keeps the file from being it; ``saved``: the
    file says something else, and no engine has taken it. ``set``: by people, in the database."""

    notices: tuple[Notice, ...]
    issues: list[Issue]
    saved: bool
    set: tuple[Notice, ...] = ()


def notices_in_force(settings: Settings) -> NoticeFile:
    """By the history of the engine. Raises StoreUnavailable, ConfigError (a file that cannot be read)."""
    file = settings.flows / NOTICES
    set_ = []
    with open_accounts(settings) as accounts:
        for row in accounts.store.notices.all(SystemClock().now()):
            notice = read_notice(row.notice_id, row.document)[0] if row.ended_at is None else None
            set_ += [notice] if notice is not None else []
    with open_flow_history(settings) as history:
        line = history.active().get(NOTICES)
        kept = history.find(NOTICES, line.version) if line is not None else []
    text = kept[0].files[NOTICES] if kept else ""
    found = load_notices(text, str(file)).notices if text else None
    saved = decoded(read_file(file, what="the notices")) if file.exists() else ""
    issues = load_notices(saved, str(file)).issues if saved else []
    return NoticeFile(found or (), issues, saved != text and bool(saved), tuple(set_))


@contextmanager
def open_flow_history(settings: Settings) -> Iterator[FlowVersions]:
    """The history of the flows alone, to read and to write beside a running engine."""
    with open_flow_versions(store_place(settings)[0]) as history:
        yield history


@contextmanager
def open_accounts(settings: Settings) -> Iterator[Accounts]:
    """Users, roles and keys, to read and to change beside a running engine."""
    with open_account_store(*store_place(settings)) as store:
        hasher = Hasher()
        try:
            yield Accounts(store, hasher, SystemClock())
        finally:
            hasher.close()


@contextmanager
def open_records(settings: Settings) -> Iterator[Store]:
    """The records alone, for reading beside a running engine."""
    clock = SystemClock()
    url, keys = store_place(settings)
    store = open_store(url, keys, clock=clock.now, read_only=True)
    try:
        yield store
    finally:
        store.close(1.0)


@contextmanager
def open_writing(settings: Settings) -> Iterator[Store]:
    """The records, to add to them, beside a running engine or without one."""
    url, keys = store_place(settings)
    store = open_store(url, keys, clock=SystemClock().now)
    try:
        yield store
    finally:
        store.close(10.0)


@contextmanager
def open_reports(settings: Settings) -> Iterator[Reports]:
    """Counts and rows for reports alone, for reading beside a running engine."""
    url, keys = store_place(settings)
    store = open_store(url, keys, clock=SystemClock().now, read_only=True)
    try:
        yield store.reports
    finally:
        store.close(1.0)
