"""What callers meet from the first call on: what was live when the engine ended, until the rest has been looked at.

With a history only what is serving and passed its tests is taken from the files; what was saved meanwhile is a reload
like any other, and the last good version goes on until the child has judged it. Without a history (the first start, or
one where the back office no longer offers what the versions of the history ask) the files are judged here: no caller
waits yet.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from cti.core.errors import ConfigError
from cti.runtime.library import FlowsRefused, misses, need_folder
from cti.runtime.reload.files import ENTRY, NOTICES, errors_of
from cti.runtime.reload.judge import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cti.flow import EntryTable
    from cti.runtime.reload.job import Job
    from cti.runtime.reload.versions import Ask, Earlier

log = logging.getLogger("cti.flows")


def as_before(job: Job, ask: Ask, earlier: Earlier, needed: Callable[[EntryTable], Iterable[str]]) -> Verdict | None:
    """``job`` with ``proven_only``. None: not everything that a call can come to is to be had."""
    need_folder(Path(job.folder))
    verdict = judge(job, ask, earlier)
    entry = verdict.checked.entry
    if entry is None:
        return None
    if missing := sorted(name for name in needed(entry) if name not in verdict.plans):
        log.warning("no version of %s in the history can be built; the files are judged now", ", ".join(missing))
        return None
    for name in sorted(verdict.checked.pending):
        log.warning("%s is another one than before the engine ended; that one goes on until this is checked", name)
    return verdict


def afresh(job: Job, ask: Ask, earlier: Earlier, needed: Callable[[EntryTable], Iterable[str]]) -> Verdict:
    """Raises FlowsRefused: there is no entry table, no good version of a flow that a call can come to, or a mistake in
    the notices that there is no earlier file for."""
    need_folder(Path(job.folder))
    verdict = judge(job, ask, earlier)
    checked = verdict.checked
    if (
        checked.entry is None
        or any(name not in verdict.plans for name in needed(checked.entry))
        or (NOTICES in checked.held and checked.notices is None)
    ):
        held = {name for name in checked.held if name != ENTRY}
        issues = [issue for issue in checked.issues if not misses(issue, held)]
        errors = errors_of(issues)
        if not errors:
            missing = sorted(set(needed(checked.entry) if checked.entry else ()) - verdict.plans.keys())
            raise ConfigError(f"there is no flow {', '.join(missing)}", code="unknown-flow")
        raise FlowsRefused(errors, issues)
    return verdict
