"""`cti doctor`: is this deployment what it should be? Looks, changes nothing, and says what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cti.app.doctor import database, machine, office, switches
from cti.app.doctor.codes import CODES
from cti.core.errors import CtiError
from cti.switch.conf.verdict import Finding, Verdict, bad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cti.config import Settings

__all__ = ["CODES", "Report", "examine"]


@dataclass(frozen=True, slots=True)
class Report:
    findings: tuple[Finding, ...]

    @property
    def status(self) -> int:
        """Exit status: 0 when nothing is wrong (warnings allowed), 1 otherwise."""
        return 1 if any(finding.verdict is Verdict.FAIL for finding in self.findings) else 0

    def text(self) -> str:
        return "".join(f"{finding}\n" for finding in self.findings)

    def json(self) -> str:
        findings = [finding.as_dict() for finding in self.findings]
        return json.dumps({"ok": self.status == 0, "findings": findings}, ensure_ascii=False, indent=1) + "\n"


def examine(settings: Settings, config: Path, *, timeout_s: float = 5.0) -> Report:
    """Never raises for what is wrong with the deployment: that is what the findings say."""
    found: list[Finding] = []
    looks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("configuration", lambda: machine.configuration(settings, config)),
        ("machine", lambda: machine.machine(settings)),
        ("database", lambda: database.database(settings)),
        ("flows", lambda: office.flows_and_prompts(settings)),
        ("switches", lambda: switches.switches(settings, timeout_s)),
        ("back ends", lambda: office.backends(settings, timeout_s)),
    )
    for subject, look in looks:
        try:
            found += look()
        except CtiError as error:
            found.append(bad("configuration", subject, error.message, error.remedy or "see docs/operations.md"))
    return Report(tuple(found))
