"""`cti callback`: who is to be called back; cancel it, or raise the event that people wait for. Beside an engine."""

from __future__ import annotations

import getpass
import json
import sys
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of
from cti.core.access import Author, Permission
from cti.core.callbacks import CallbackState

if TYPE_CHECKING:
    import argparse

    from cti.core.access import Deed
    from cti.runtime.accounts import Accounts

COLUMNS = "{:<36}  {:<9}  {:<13}  {:<20}  {:<25}  {:<5}  {}"


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("callback", help="callbacks: who is to be called, and when", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    listing = verbs.add_parser("list", help="the newest first; numbers are masked")
    listing.add_argument("--state", choices=("open", *(state.value for state in CallbackState)), default="open")
    listing.add_argument("--queue")
    listing.add_argument("--limit", type=int, default=50, choices=range(1, 501), metavar="N")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=show)
    cancelling = verbs.add_parser("cancel", help="call nobody for this one")
    cancelling.add_argument("callback_id", metavar="ID")
    cancelling.set_defaults(run=cancel)
    raising = verbs.add_parser("raise", help="what waits for an event is due now (a notice's end raises its id)")
    raising.add_argument("event", metavar="NAME")
    raising.set_defaults(run=raise_event)
    for verb in (listing, cancelling, raising):
        add_config(verb)


def show(options: argparse.Namespace) -> int:
    from cti.api.callbacks import callback_json
    from cti.app import open_accounts

    with open_accounts(settings_of(options)) as accounts:
        found = accounts.store.callbacks.list(limit=options.limit, state=options.state, queue=options.queue)
    rows = [callback_json(one) for one in found]
    if options.json:
        json.dump({"callbacks": rows}, sys.stdout, ensure_ascii=False, indent=2)
        print()
        return 0
    print(COLUMNS.format("id", "state", "number", "by", "due", "tries", "last"))
    for row in rows:
        by = f"queue {row['queue']}" if row["queue"] else f"flow {row['flow']}"
        due = row["due_at"] or f"event {row['event']}"
        tries = f"{row['attempts']}/{row['attempts_allowed']}"
        print(COLUMNS.format(row["callback_id"], row["state"], row["number"], by, due[:25], tries, row["last"] or ""))
    return 0


def cancel(options: argparse.Namespace) -> int:
    """Raises CtiError: unknown-callback, callback-over."""
    from cti.app import open_accounts

    with open_accounts(settings_of(options)) as accounts:
        accounts.store.callbacks.cancel(options.callback_id, deed_of(accounts, Permission.CALLBACKS_EDIT))
    print(f"callback {options.callback_id} is cancelled")
    return 0


def raise_event(options: argparse.Namespace) -> int:
    from cti.app import open_accounts

    with open_accounts(settings_of(options)) as accounts:
        deed = deed_of(accounts, Permission.CALLBACKS_EDIT)
        count = accounts.store.callbacks.raise_event(options.event.removeprefix("event:"), deed.at, deed)
    print(f"{count} callbacks are due")
    return 0


def deed_of(accounts: Accounts, permission: Permission) -> Deed:
    """Who may run this program on the database's files needs no other permission; the audit says who it was."""
    login = getpass.getuser()
    return accounts.deed(Author("cli", login, f"cli:{login}"), permission, "command line")
