"""Options that several commands share."""

from __future__ import annotations

import getpass
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cti.config import load_settings
from cti.core.access import Author

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


def start_log(verbose: bool) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)-10s %(message)s",
        datefmt="%H:%M:%S",
    )
    if not verbose:
        logging.getLogger("alembic").setLevel(logging.WARNING)  # tells of each of its plugins otherwise
