"""`cti switch`: run the embedded switch; write and check the configuration of a real one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.files import read_secret
from cti.switch.conf.commands import BAD_INPUT, cli_check, cli_config, cli_directory

if TYPE_CHECKING:
    import argparse

    from cti.switch.conf.commands import Outcome


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("switch", help="the embedded switch; configuration of a real one", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    running = verbs.add_parser("run", help="run the embedded switch until Ctrl-C")
    running.add_argument("--host", default="127.0.0.1")
    running.add_argument("--port", type=int, default=8021)
    running.add_argument("--password-file", type=Path, required=True, help="made with a random password if missing")
    running.set_defaults(run=run_embedded)
    writing = verbs.add_parser("config", help="write a folder that FreeSWITCH starts on")
    writing.set_defaults(run=write_config)
    writing.add_argument("--modules", type=Path, help="the switch's folder of modules, to leave out what it lacks")
    checking = verbs.add_parser("check", help="examine a running switch and its trunks; say what is wrong")
    checking.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS")
    checking.add_argument("--config", type=Path, metavar="FILE", help="the engine's: can its flows' videos be played?")
    checking.set_defaults(run=check)
    fetching = verbs.add_parser("directory", help="fetch the phones of agents, for when the API does not answer")
    fetching.set_defaults(run=fetch_directory)
    for verb in (writing, checking, fetching):
        verb.add_argument("--settings", type=Path, metavar="FILE", help="addresses, ports, phones, trunks")
        verb.add_argument("--target", type=Path, default=Path("var/switch"), metavar="FOLDER")
    for verb in (writing, checking):
        verb.add_argument("--json", action="store_true")


def run_embedded(options: argparse.Namespace) -> int:
    from cti.demo import DOMAIN
    from cti.switch.embedded import SwitchConfig, run

    config = SwitchConfig(domain=DOMAIN)
    run(options.host, options.port, password_of(options.password_file), config=config)
    return 0


def password_of(file: Path) -> str:
    """The password in the file; a random one is written first when there is no file."""
    import secrets

    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24) + "\n", encoding="ascii")
    return read_secret(file, what="the event socket's password", remedy="delete it, and a new one is made")


def write_config(options: argparse.Namespace) -> int:
    return _tell(cli_config(options.settings, options.target, modules=options.modules, as_json=options.json))


def check(options: argparse.Namespace) -> int:
    films = films_of(options.config) if options.config is not None else frozenset()
    timeout_s, as_json = options.timeout, options.json
    return _tell(cli_check(options.settings, options.target, timeout_s=timeout_s, as_json=as_json, films=films))


def fetch_directory(options: argparse.Namespace) -> int:
    return _tell(cli_directory(options.settings, options.target))


def films_of(config: Path) -> frozenset[str]:
    """The files that the flows of an installation play as videos. Raises FlowsRefused, LookupsRefused, ConfigError."""
    from cti.app import configured_flows
    from cti.config import load_settings

    flows = [flow for plan in configured_flows(load_settings(config)).plans.values() for flow in plan.flows.values()]
    nodes = [node for flow in flows for node in flow.nodes.values()]
    return frozenset(str(node.get("file")) for node in nodes if node.type == "video")


def _tell(outcome: Outcome) -> int:
    print(outcome.text, end="", file=sys.stderr if outcome.status == BAD_INPUT else sys.stdout)
    return outcome.status
