"""`cti order`: what other systems have ordered, and how it was answered; no field of an order. Beside an engine."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of
from cti.core.orders import OrderKind, OrderState

if TYPE_CHECKING:
    import argparse

COLUMNS = "{:<24}  {:<16}  {:<24}  {:<8}  {:<8}  {:<36}  {}"


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("order", help="orders of other systems", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    listing = verbs.add_parser("list", help="the newest first")
    listing.add_argument("--source", help="such as crm, or api:USER for what came by HTTP")
    listing.add_argument("--state", choices=[state.value for state in OrderState])
    listing.add_argument("--kind", choices=[kind.value for kind in OrderKind])
    listing.add_argument("--limit", type=int, default=50, choices=range(1, 501), metavar="N")
    listing.add_argument("--after", metavar="CURSOR", help="the `next` of the page before")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=show)
    add_config(listing)


def show(options: argparse.Namespace) -> int:
    """Raises CtiError (bad-cursor)."""
    from cti.api.orders import cursor_of, next_of, order_json
    from cti.app import open_accounts

    before = cursor_of(options.after)
    with open_accounts(settings_of(options)) as accounts:
        found = accounts.store.orders.list(
            limit=options.limit, before=before, source=options.source, state=options.state, kind=options.kind
        )
    rows, following = [order_json(one) for one in found], next_of(found, options.limit)
    if options.json:
        json.dump({"orders": rows, "next": following}, sys.stdout, ensure_ascii=False, indent=2)
        print()
        return 0
    print(COLUMNS.format("received", "source", "key", "kind", "state", "made", "code"))
    for row in rows:
        print(
            COLUMNS.format(
                row["received_at"][:24], row["source"], row["key"], row["kind"], row["state"],
                row["order_id"] or "", row["code"] or "",
            ).rstrip()
        )  # fmt: skip
    if following is not None:
        print(f"more: --after '{following}'")
    return 0
