"""What callers meet: flows, their prompts, and the back office."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cti.app.office import open_office
from cti.app.office_keys import own_sealer
from cti.app.offline import flow_catalog
from cti.app.parts import speaks_by_itself
from cti.boss.way import WayError
from cti.core.errors import ConfigError, CtiError
from cti.prompts import Renderer, WavPrompts
from cti.runtime.library import load_folder
from cti.switch.conf.verdict import Finding, bad, good, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.config import Settings
    from cti.runtime.library import FlowLibrary


#: How many findings of flows are told.
SHOWN = 10


def flows_and_prompts(settings: Settings) -> Iterator[Finding]:
    subject = str(settings.flows)
    try:
        library = load_folder(settings.flows, replace(flow_catalog(settings), queues=frozenset(settings.queues)))
    except ConfigError as error:
        findings = [*getattr(error, "findings", ())] or [error.message]
        for finding in findings[:SHOWN]:
            yield bad("flows-refused", subject, str(finding), "mend what it names")
        if len(findings) > SHOWN:
            yield bad("flows-refused", subject, f"{len(findings) - SHOWN} more findings", "mend those above first")
        return
    yield good("flows", subject, f"{len(library.plans)} flows")
    if not speaks_by_itself(settings):
        yield from _prompts(settings, library)


def _prompts(settings: Settings, library: FlowLibrary) -> Iterator[Finding]:
    chosen = settings.prompts
    prompts = WavPrompts(
        settings.flows / "prompts",
        settings.data / "prompts",
        voices=chosen.voices,
        renderer=Renderer(speed=chosen.speed),
    )
    try:
        says = library.fixed_prompts()
        missing = [say for say in says if not prompts.is_rendered(say)]
    finally:
        prompts.close()
    if missing:
        languages = ", ".join(sorted({say.language for say in missing}))
        message = f"{len(missing)} of {len(says)} are not rendered ({languages})"
        yield warn("prompts-missing", str(settings.data / "prompts"), message, "cti prompts render")
    else:
        yield good("prompts", str(settings.data / "prompts"), f"all {len(says)} are rendered")


def backends(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    if settings.boss.file is None:
        return  # the demo's fifty subscribers
    try:
        with open_office(settings) as office:
            own_sealer(office.plan.keys, settings.boss.file.parent)  # `cti serve` does not start without its ring
            for name in sorted(office.plan.backends):
                try:
                    office.probe(name, timeout_s)
                except WayError as error:
                    message = f"{error.outcome}: {error.reason}"
                    yield bad("backend-down", f"back end {name}", message, f"cti backend check {name}")
                else:
                    yield good("backend", f"back end {name}", "it lets us in")
    except CtiError as error:
        yield bad("interfaces-refused", str(settings.boss.file), str(error), error.remedy or "mend what it names")
