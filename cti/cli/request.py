"""`cti request`: writes of which nobody knows whether they were done, for a person to decide. Audited."""

from __future__ import annotations

from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, author, settings_of
from cti.core.access import Permission
from cti.core.async_requests import AsyncState, settled
from cti.core.errors import CtiError

if TYPE_CHECKING:
    import argparse

    from cti.core.events import RequestEnded
    from cti.core.noted_writes import Noted
    from cti.runtime.accounts import Accounts

_REASON_MAX = 200


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("request", help="writes of the back office that nobody knows of", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    dead = verbs.add_parser("dead", help="list them, the oldest first")
    dead.set_defaults(run=show_dead)
    add_config(dead)
    for name, run, help_ in (
        ("replay", replay, "send it again; it may be done twice"),
        ("drop", drop, "it is settled: ask no more"),
    ):
        verb = verbs.add_parser(name, help=help_)
        verb.add_argument("key", metavar="KEY")
        verb.add_argument("--reason", required=True, help="why; kept in the audit")
        verb.set_defaults(run=run)
        add_config(verb)


def show_dead(options: argparse.Namespace) -> int:
    from cti.app import open_accounts
    from cti.app.office_keys import use_own_keys

    settings = settings_of(options)
    with open_accounts(settings) as accounts:
        use_own_keys(settings, accounts.store)
        found = accounts.store.office_writes.dead()
    print(f"{'since':<20}  {'request':<24}  {'back end':<16}  key")
    for noted in found:
        since = datetime.fromtimestamp(noted.since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        print(f"{since:<20}  {noted.name:<24}  {noted.backend or '':<16}  {noted.key}")
    return 0


def replay(options: argparse.Namespace) -> int:
    """Exit status 1 when it was not done this time either."""
    from cti.app import open_accounts
    from cti.app.office import open_office
    from cti.app.office_keys import use_own_keys

    settings = settings_of(options)
    with (
        open_accounts(settings) as accounts,
        open_office(settings, accounts.store.office_writes, accounts.store.request_files) as office,
    ):
        use_own_keys(settings, accounts.store)
        noted = _decided(accounts, options, "request.replay")
        if noted.name not in office.plan.requests:
            raise CtiError(f"there is no request '{noted.name}' any more", code="unknown-request")
        ended = office.writes.replay(options.key)
        if ended.outcome in ("done", "rejected"):
            _settle(accounts, options.key, "done" if ended.outcome == "done" else "rejected", ended)
    print(ended.outcome)
    return 0 if ended.outcome in ("done", "rejected") else 1


def drop(options: argparse.Namespace) -> int:
    from cti.app import open_accounts
    from cti.app.office_keys import use_own_keys

    settings = settings_of(options)
    with open_accounts(settings) as accounts:
        use_own_keys(settings, accounts.store)
        _decided(accounts, options, "request.drop")
        accounts.store.office_writes.forget(options.key)
        _settle(accounts, options.key, "dropped")
    return 0


def _settle(accounts: Accounts, key: str, state: AsyncState, ended: RequestEnded | None = None) -> None:
    """Where it was an asynchronous request, an engine tells whoever ordered it."""
    requests = accounts.store.async_requests
    found = requests.find_by_key(key)
    if found is not None and found.state == "dead":
        outcome, values = (ended.outcome, ended.values) if ended is not None else ("", {})
        requests.put(settled(found, state, outcome, time(), values))


def _decided(accounts: Accounts, options: argparse.Namespace, action: str) -> Noted:
    """The dead letter, once the audit has the line. Raises CtiError (unknown-request, bad-reason)."""
    noted = accounts.store.office_writes.find(options.key)
    if noted is None or noted.state != "dead":
        raise CtiError("no dead letter has this key", code="unknown-request", remedy="`cti request dead` shows them")
    reason = options.reason.strip()
    if not 1 <= len(reason) <= _REASON_MAX:
        raise CtiError(f"a reason has 1 to {_REASON_MAX} characters", code="bad-reason")
    deed = accounts.deed(author(), Permission.REQUESTS_SETTLE, reason)
    accounts.store.audit.add(deed.line(action, f"request:{noted.key}", after={"request": noted.name}))
    return noted
