"""`cti doctor`: examines a deployment, changes nothing, and says for each finding what to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config

if TYPE_CHECKING:
    import argparse


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("doctor", help="is this deployment what it should be?", description=__doc__)
    add_config(noun)
    noun.add_argument("--timeout", type=_seconds, default=5.0, metavar="SECONDS", help="for each answer (default: 5)")
    noun.add_argument("--json", action="store_true")
    noun.set_defaults(run=doctor)


def _seconds(text: str) -> float:
    import argparse

    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 300:
        raise argparse.ArgumentTypeError(f"seconds, more than 0 and 300 at most, not {text[:40]!r}")
    return found


def doctor(options: argparse.Namespace) -> int:
    """Exit status 0: nothing is wrong, warnings allowed; 1: something is; 2: the configuration cannot be read."""
    from cti.app.doctor import Report, examine
    from cti.config import load_settings
    from cti.core.errors import ConfigError
    from cti.switch.conf.verdict import bad

    try:
        settings = load_settings(options.config)
    except ConfigError as error:
        if not options.json:
            raise
        told = [str(issue) for issue in getattr(error, "issues", [])] or [str(error)]
        remedy = error.remedy or "see docs/configuration.md"
        report = Report(tuple(bad("configuration", str(options.config), text, remedy) for text in told))
        sys.stdout.write(report.json())
        return 2
    report = examine(settings, options.config, timeout_s=options.timeout)
    sys.stdout.write(report.json() if options.json else report.text())
    return report.status
