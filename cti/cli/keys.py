"""`cti keys`: the platform's key ring, with which records, cached answers and kept requests are sealed."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of
from cti.core.errors import ConfigError
from cti.core.issue import Place

if TYPE_CHECKING:
    import argparse

    from cti.store.keyring import KeyRing


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("keys", help="the key ring: its key ids, and a new active key", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, run, said in (
        ("show", show, "ids of its keys and which is active; no key"),
        ("rotate", rotate, "add a key and make it the active one; engines use it once they are started again"),
    ):
        verb = verbs.add_parser(name, help=said)
        verb.add_argument("--json", action="store_true")
        verb.set_defaults(run=run)
        add_config(verb)


def show(options: argparse.Namespace) -> int:
    """Raises ConfigError."""
    from cti.app.parts import store_place
    from cti.store.keyring import load_ring

    path = store_place(settings_of(options))[1]
    ring = load_ring(path)
    if ring is None:
        raise ConfigError("there is no key ring", place=Place(str(path)), remedy="the first `cti serve` makes it")
    return _tell(ring, as_json=options.json)


def rotate(options: argparse.Namespace) -> int:
    """Raises ConfigError; the ring is then as it was."""
    from cti.app.parts import store_place
    from cti.store import rotate as rotated

    return _tell(rotated(store_place(settings_of(options))[1]), as_json=options.json)


def _tell(ring: KeyRing, *, as_json: bool) -> int:
    if as_json:
        json.dump({"active": ring.active, "keys": list(ring.keys)}, sys.stdout, indent=2)
        print()
    else:
        print("\n".join(f"{name}{'  active' if name == ring.active else ''}" for name in ring.keys))
    return 0
