"""`cti keys`: the platform's key ring, with which records, cached answers and kept requests are sealed, and rings of
the interface server's own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, author, settings_of
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
        ("rotate", rotate, "add a key and make it the active one; engines use it once they are started again; audited"),
    ):
        verb = verbs.add_parser(name, help=said)
        verb.add_argument(
            "--file", type=Path, metavar="FILE", help="a ring of `security.keys`; default: the platform's"
        )
        verb.add_argument("--json", action="store_true")
        verb.set_defaults(run=run)
        add_config(verb)
    verb = verbs.add_parser("new", help="make a ring for `security.keys` of the interfaces' file, with one key")
    verb.add_argument("file", type=Path, metavar="FILE")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=new)


def show(options: argparse.Namespace) -> int:
    """Raises ConfigError."""
    from cti.app.parts import store_place
    from cti.store.keyring import load_ring

    path = options.file or store_place(settings_of(options))[1]
    ring = load_ring(path)
    if ring is None:
        raise ConfigError("there is no key ring", place=Place(str(path)), remedy="the first `cti serve` makes it")
    return _tell(ring, as_json=options.json)


def rotate(options: argparse.Namespace) -> int:
    """Raises CtiError; the ring is then as it was, but where the audit alone could not be written."""
    from cti.app import open_accounts
    from cti.app.parts import store_place
    from cti.store import rotate as rotated
    from cti.store.keyring import load_ring

    settings = settings_of(options)
    path = options.file or store_place(settings)[1]
    before = load_ring(path)
    if before is None:
        raise ConfigError("there is no key ring to rotate", place=Place(str(path)))
    with open_accounts(settings) as accounts:
        ring = rotated(path)
        line = accounts.deed(author()).line(
            "keys.rotate", f"keys:{path.name}", before={"active": before.active}, after={"active": ring.active}
        )
        accounts.store.audit.add(line)
    return _tell(ring, as_json=options.json)


def new(options: argparse.Namespace) -> int:
    """Raises ConfigError: the file is there already, or cannot be written."""
    from cti.store.keyring import create_ring

    if options.file.exists():
        raise ConfigError("this file is there already", place=Place(str(options.file)), remedy="name another one")
    return _tell(create_ring(options.file), as_json=options.json)


def _tell(ring: KeyRing, *, as_json: bool) -> int:
    if as_json:
        json.dump({"active": ring.active, "keys": list(ring.keys)}, sys.stdout, indent=2)
        print()
    else:
        print("\n".join(f"{name}{'  active' if name == ring.active else ''}" for name in ring.keys))
    return 0
