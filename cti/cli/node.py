"""`cti node`: the processes of a cluster, and their draining before maintenance."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, author, settings_of

if TYPE_CHECKING:
    import argparse

    from cti.runtime.cluster.nodes import NodeState


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("node", help="processes of a cluster: who is there, draining", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("list", help="every process, what it does and how it is")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=list_)
    add_config(verb)
    for name, said in (
        ("drain", "it takes nothing new and ends what it has; stays so over restarts, until undrain; audited"),
        ("undrain", "it takes calls and requests again; audited"),
    ):
        verb = verbs.add_parser(name, help=said)
        verb.add_argument("node", metavar="NODE", help="a node (all of it), or one address: NODE/SLOT, NODE/acd")
        verb.set_defaults(run=drain, draining=name == "drain")
        add_config(verb)


def list_(options: argparse.Namespace) -> int:
    """Raises CtiError."""
    from cti.app import open_accounts
    from cti.runtime.cluster.nodes import Nodes

    with open_accounts(settings_of(options)) as accounts:
        found = Nodes(accounts.store, time.time).list_nodes(settle=True)
    if options.json:
        json.dump([one.as_json() for one in found], sys.stdout, indent=2)
        print()
        return 0
    rows = [("ADDRESS", "ROLES", "STATE", "SINCE", "SWITCHES", "API"), *(_row(one) for one in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    return 0


def drain(options: argparse.Namespace) -> int:
    """Raises CtiError (unknown-node)."""
    from cti.app import open_accounts
    from cti.runtime.cluster.nodes import Nodes

    with open_accounts(settings_of(options)) as accounts:
        reached = Nodes(accounts.store, time.time).drain(options.node, options.draining, accounts.deed(author()))
    for address in reached:
        print(f"{address} {'drains' if options.draining else 'takes calls and requests again'}")
    return 0


def _row(one: NodeState) -> tuple[str, ...]:
    member = one.member
    state = f"{one.state} (leads)" if one.leads else one.state
    since = datetime.fromtimestamp(one.since, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return member.address, ",".join(sorted(member.roles)), state, since, ",".join(member.switches), member.api
