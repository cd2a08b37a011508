"""`cti ops`: what a system that runs the engine needs, written for this deployment."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of

if TYPE_CHECKING:
    import argparse


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("ops", help="units for systemd", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    writing = verbs.add_parser("units", help="services of engine and switch, and a daily backup")
    writing.add_argument("--target", type=Path, metavar="FOLDER", help="write them there; default: print them")
    writing.add_argument("--user", default="cti", help="who they run as (default: cti)")
    writing.add_argument(
        "--switch", type=Path, metavar="FOLDER", help="what `cti switch config` wrote, if it runs here"
    )
    writing.add_argument("--backups", type=Path, metavar="FOLDER", help="with a timer that puts a backup there daily")
    writing.add_argument(
        "--standby",
        action="store_true",
        help="a second engine that waits, its program loaded, for the end of the first",
    )
    writing.set_defaults(run=units_)
    add_config(writing)


def units_(options: argparse.Namespace) -> int:
    from cti.app.units import Plan, units
    from cti.switch.conf.render import load_rendered

    switch = None
    if options.switch is not None:
        conf = load_rendered(options.switch)
        switch = conf.command(shutil.which("freeswitch") or "/usr/bin/freeswitch"), conf.folder
    plan = Plan(settings_of(options), options.config, options.user, switch, options.backups, options.standby)
    for name, text in units(plan).items():
        if options.target is None:
            print(f"# ---- {name}\n{text}")
            continue
        options.target.mkdir(parents=True, exist_ok=True)
        (options.target / name).write_text(text, encoding="utf-8")
        print(options.target / name)
    return 0
