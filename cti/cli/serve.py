"""`cti serve`: the engine and its API against the switches of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of, start_log

if TYPE_CHECKING:
    import argparse


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("serve", help="run the engine and its API", description=__doc__)
    add_config(noun)
    noun.add_argument("--verbose", action="store_true")
    noun.set_defaults(run=serve)


def serve(options: argparse.Namespace) -> int:
    from cti.app import Application

    settings = settings_of(options)
    start_log(options.verbose, settings)
    application = Application(settings)
    application.heed_signals()
    application.start()
    return application.run_until_signal()
