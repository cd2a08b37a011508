"""For all tests: the run says plainly when its real-switch half did not run."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "real" in report.keywords]
    if not skipped:
        return
    reasons = {str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else "" for report in skipped}
    terminalreporter.section("The real-switch half did not run", sep="=", yellow=True)
    terminalreporter.line(f"{len(skipped)} tests against a real FreeSWITCH were skipped:")
    for reason in sorted(reasons):
        terminalreporter.line(f"  {reason.removeprefix('Skipped: ')}")
