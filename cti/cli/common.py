"""Options that several commands share."""

from __future__ import annotations

import getpass
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cti.config import load_settings
from cti.core.access import Author
from cti.logs import JsonFormatter, TextFormatter, set_up

if TYPE_CHECKING:
    import argparse

    from cti.config import Settings

#: Where `cti demo` writes its configuration, so that `cti call list` shows the demo's calls without an option.
DEMO_CONFIG = Path("var/demo/cti.yaml")


def add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=Path(os.environ.get("CTI_CONFIG", str(DEMO_CONFIG))),
        help="settings (default: $CTI_CONFIG, else the demo's)",
    )


def settings_of(options: argparse.Namespace) -> Settings:
    return load_settings(options.config)


def author() -> Author:
    """Who may run this program on the database's files needs no permission; the audit says who it was."""
    login = getpass.getuser()
    return Author("cli", login, f"cli:{login}")


def start_log(verbose: bool, settings: Settings | None = None) -> None:
    """As the settings say; ``verbose``: with everything."""
    level = logging.DEBUG if verbose else logging.INFO
    if settings is None:
        set_up(level, TextFormatter())
        return
    always = {"node": settings.node, "slot": str(settings.worker.slot)}
    formatter = JsonFormatter(always) if settings.log.format == "json" else TextFormatter()
    set_up(level if verbose else getattr(logging, settings.log.level.upper()), formatter)
