"""`cti flow reference`: the reference of the flow language, or of one node type."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cti.core.errors import ConfigError

if TYPE_CHECKING:
    import argparse


def add_to(verbs: Any) -> None:
    verb = verbs.add_parser("reference", help="what flow authors look up: node types, values, functions")
    verb.add_argument("type", nargs="?", metavar="TYPE", help="only this node type")
    verb.set_defaults(run=show)


def show(options: argparse.Namespace) -> int:
    """Raises ConfigError (unknown-type)."""
    from cti.flow.reference import describe, reference
    from cti.flow.registry import REGISTRY
    from cti.flow.suggest import did_you_mean

    if options.type is None:
        from cti.app import demo_catalog

        sys.stdout.write(reference(demo_catalog()))
        return 0
    if options.type not in REGISTRY:
        hint = did_you_mean(options.type, REGISTRY).removeprefix("; ") or f"types are {', '.join(sorted(REGISTRY))}"
        raise ConfigError(f"there is no node type '{options.type[:40]}'", code="unknown-type", remedy=hint)
    sys.stdout.write(describe(REGISTRY[options.type]))
    return 0
