"""The command line. One module per noun; errors become exit statuses here and nowhere else.

Exit status: 0 done, 1 findings or a call that failed, 2 wrong usage or configuration, 3 something is not reachable,
130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from cti import __version__
from cti.core.errors import ConfigError, CtiError, StoreUnavailable, SwitchUnavailable
from cti.runtime.collector import paused_collector

if TYPE_CHECKING:
    from collections.abc import Sequence

STATUS_FINDINGS = 1
STATUS_USAGE = 2
STATUS_UNREACHABLE = 3
STATUS_INTERRUPTED = 130


#: What follows `cti` -> the module that knows it, in the order of `cti --help`.
NOUNS = {
    "serve": "serve",
    "demo": "demo",
    "flow": "flows",
    "notice": "notices",
    "callback": "callbacks",
    "order": "orders",
    "sms": "sms",
    "prompts": "prompts",
    "call": "calls",
    "recording": "recording",
    "report": "report",
    "watch": "watch",
    "switch": "switch",
    "user": "user",
    "lookup": "lookup",
    "backend": "backend",
    "request": "request",
    "feed": "feed",
    "keys": "keys",
    "calendar": "calendars",
    "schedule": "schedules",
    "audit": "audit",
    "backup": "backup",
    "doctor": "doctor",
    "node": "node",
    "ops": "ops",
}


def parser(noun: str | None = None) -> argparse.ArgumentParser:
    """``noun``: only this one is loaded, which spares an engine that starts the others' modules; None: all."""
    root = argparse.ArgumentParser(prog="cti", description="Telecom customer-service platform on FreeSWITCH.")
    root.add_argument("--version", action="version", version=f"cti {__version__}")
    nouns = root.add_subparsers(dest="noun", required=True, metavar="COMMAND")
    for module in NOUNS.values() if noun is None else (NOUNS[noun],):
        import_module(f"cti.cli.{module}").add_to(nouns)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    _never_fail_to_print()
    argv = sys.argv[1:] if argv is None else argv
    noun = argv[0] if argv and argv[0] in NOUNS else None
    with paused_collector() as loading:  # nothing that is imported is given up: walking it is a tenth of a start
        loading.begin()
        options = parser(noun).parse_args(argv)
        loading.keep()
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
