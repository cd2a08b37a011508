"""The command line. One module per noun; errors become exit statuses here and nowhere else.

Exit status: 0 done, 1 findings or a call that failed, 2 wrong usage or configuration, 3 something is not reachable,
130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import sys
from typing import TYPE_CHECKING

from cti import __version__
from cti.core.errors import ConfigError, CtiError, StoreUnavailable, SwitchUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

STATUS_FINDINGS = 1
STATUS_USAGE = 2
STATUS_UNREACHABLE = 3
STATUS_INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    from cti.cli import (
        audit,
        backend,
        backup,
        calendars,
        callbacks,
        calls,
        demo,
        doctor,
        feed,
        flows,
        keys,
        lookup,
        notices,
        ops,
        prompts,
        recording,
        report,
        request,
        schedules,
        serve,
        sms,
        switch,
        user,
        watch,
    )

    root = argparse.ArgumentParser(prog="cti", description="Telecom customer-service platform on FreeSWITCH.")
    root.add_argument("--version", action="version", version=f"cti {__version__}")
    nouns = root.add_subparsers(dest="noun", required=True, metavar="COMMAND")
    for module in (serve, demo, flows, notices, callbacks, sms, prompts, calls, recording, report, watch, switch, user):
        module.add_to(nouns)
    for module in (lookup, backend, request, feed, keys):
        module.add_to(nouns)
    for module in (calendars, schedules, audit, backup, doctor, ops):
        module.add_to(nouns)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    _never_fail_to_print()
    options = parser().parse_args(argv)
    try:
        return int(options.run(options))
    except CtiError as error:
        return _report(error)
    except KeyboardInterrupt:
        return STATUS_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe went away (`| head`): nothing to say, nobody to say it to
        return 0


def _never_fail_to_print() -> None:
    """Where a terminal or a pipe takes no Chinese, show \\u5ba2 and the like rather than break off a call."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _report(error: CtiError) -> int:
    for line in [str(issue) for issue in getattr(error, "issues", [])] or [str(error)]:
        print(line, file=sys.stderr)
    if isinstance(error, ConfigError):
        return STATUS_USAGE
    return STATUS_UNREACHABLE if isinstance(error, SwitchUnavailable | StoreUnavailable) else STATUS_FINDINGS
