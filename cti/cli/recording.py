"""`cti recording`: what was recorded: list, show, export, hold, delete and verify. Beside a running engine; audited."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of
from cti.core.access import Author, Permission
from cti.core.errors import ConfigError, CtiError
from cti.core.recordings import RecordingKind, RecordingState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.core.access import Deed
    from cti.core.recordings import Recording
    from cti.runtime.accounts import Accounts
    from cti.runtime.recordings.shelf import Shelf

COLUMNS = "{:<19}  {:<60}  {:<9}  {:<8}  {:>8}  {:<16}  {}"
_PAGE = 500


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("recording", help="recordings: list, export, hold, delete, verify", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="the newest first")
    listing.add_argument("--limit", type=int, default=50, choices=range(1, _PAGE + 1), metavar="N")
    listing.add_argument("--call", metavar="ID")
    listing.add_argument("--kind", type=RecordingKind, choices=list(RecordingKind))
    listing.add_argument("--queue")
    listing.add_argument("--agent")
    listing.add_argument("--deleted", action="store_true", help="only what stays on record of deleted ones")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=show_list)
    showing = _one(verbs, "show", show, "one recording")
    exporting = _one(verbs, "export", export_one, "write it in clear into a new file")
    exporting.add_argument("file", type=Path, metavar="FILE")
    deleting = _one(verbs, "delete", delete, "delete it for good")
    holding = _one(verbs, "hold", hold, "hold it, so that nothing deletes it; or end the hold")
    holding.add_argument("--release", action="store_true", help="end the hold")
    for verb in (exporting, deleting, holding):
        verb.add_argument("--reason", required=True, type=_reason, help="why; kept in the audit")
    verifying = verbs.add_parser("verify", help="open every recording of this data folder and compare its digest")
    verifying.set_defaults(run=verify)
    for verb in (listing, showing, exporting, deleting, holding, verifying):
        add_config(verb)


def _one(verbs: Any, name: str, run: Any, help_: str) -> argparse.ArgumentParser:
    found: argparse.ArgumentParser = verbs.add_parser(name, help=help_)
    found.add_argument("recording_id", metavar="ID")
    found.set_defaults(run=run)
    return found


def _reason(text: str) -> str:
    if not text.strip() or len(text) > 200:
        raise argparse.ArgumentTypeError("1 to 200 characters")
    return text.strip()


def show_list(options: argparse.Namespace) -> int:
    from cti.api.recordings import recording_json
    from cti.store.recording_rows import RecordingFilter

    where = RecordingFilter(
        call_id=options.call,
        kind=options.kind,
        queue=options.queue,
        agent=options.agent,
        deleted=True if options.deleted else None,
    )
    with _shelf(options) as (shelf, _):
        found = shelf.store.search(limit=options.limit, where=where)
    rows = [recording_json(one) for one in found]
    if options.json:
        json.dump({"recordings": rows}, sys.stdout, ensure_ascii=False, indent=2)
        print()
        return 0
    print(COLUMNS.format("began", "recording", "kind", "state", "s", "queue", "agents"))
    for row in rows:
        length = "" if row["length_s"] is None else f"{row['length_s']:.1f}"
        agents = " ".join(agent["agent"] for agent in row["agents"])
        held = " held" if row["held"] else ""
        began, id_ = row["started_at"][:19], row["recording_id"]
        print(COLUMNS.format(began, id_, row["kind"], row["state"], length, row["queue"] or "", agents + held))
    return 0


def show(options: argparse.Namespace) -> int:
    from cti.api.recordings import recording_json

    with _shelf(options) as (shelf, _):
        json.dump(recording_json(_get(shelf, options)), sys.stdout, ensure_ascii=False, indent=2)
    print()
    return 0


def export_one(options: argparse.Namespace) -> int:
    """The line of the audit is written first. Raises CtiError; ConfigError (unwritable-file)."""
    from cti.runtime.recordings.shelf import export

    with _shelf(options) as (shelf, accounts):
        one = _get(shelf, options)
        opened = shelf.open(one)
        try:
            deed = _deed(accounts, Permission.RECORDINGS_LISTEN, options.reason)
            accounts.store.audit.add(deed.line("recording.export", f"recording:{one.recording_id}"))
            export(opened, options.file)
        except OSError as error:
            raise ConfigError(
                f"cannot write {options.file}: {error.strerror}",
                code="unwritable-file",
                remedy="name a new file in a folder that is there and may be written",
            ) from error
        finally:
            opened.close()
    print(f"{opened.size} bytes in {options.file}; they are in clear there")
    return 0


def delete(options: argparse.Namespace) -> int:
    with _shelf(options) as (shelf, accounts):
        shelf.delete(options.recording_id, _deed(accounts, Permission.RECORDINGS_DELETE, options.reason))
    print(f"recording {options.recording_id} is deleted")
    return 0


def hold(options: argparse.Namespace) -> int:
    with _shelf(options) as (shelf, accounts):
        deed = _deed(accounts, Permission.RECORDINGS_HOLD, options.reason)
        shelf.store.hold(options.recording_id, not options.release, deed)
    print(f"recording {options.recording_id} is {'held no longer' if options.release else 'held'}")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Exit status 1 when one does not open, or is not what was sealed; and for those that lie in clear for long."""
    from cti.store.recording_rows import RecordingFilter

    good = bad = 0
    before = None
    with _shelf(options) as (shelf, _):
        node = settings_of(options).node
        while page := shelf.store.search(limit=_PAGE, before=before, where=RecordingFilter(deleted=False)):
            before = (page[-1].started_at, page[-1].recording_id)
            for one in page:
                if one.node != node or one.state in (RecordingState.RUNNING, RecordingState.FAILED):
                    continue
                finding = _finding(shelf, one)
                good, bad = good + (not finding), bad + bool(finding)
                if finding:
                    print(f"{one.recording_id}: {finding}")
    print(f"{good} recordings are whole, {bad} are not")
    return int(bad > 0)


def _finding(shelf: Shelf, one: Recording) -> str:
    if one.state is RecordingState.COMPLETE:
        return f"lies in clear in {one.path} and is not sealed yet {one.error}".rstrip()
    try:
        shelf.verify(one)
    except CtiError as error:
        return str(error)
    return ""


@contextmanager
def _shelf(options: argparse.Namespace) -> Iterator[tuple[Shelf, Accounts]]:
    from cti.app import open_accounts
    from cti.runtime.recordings.shelf import Shelf

    settings = settings_of(options)
    with open_accounts(settings) as accounts:
        shelf = Shelf(accounts.store.recordings, settings.data)
        try:
            yield shelf, accounts
        finally:
            shelf.close()


def _get(shelf: Shelf, options: argparse.Namespace) -> Recording:
    found = shelf.store.find(options.recording_id)
    if found is None:
        raise CtiError(f"no recording {options.recording_id[:200]!r}", code="unknown-recording")
    return found


def _deed(accounts: Accounts, permission: Permission, reason: str) -> Deed:
    """Who may run this program on the database's files needs no other permission; the audit says who it was."""
    login = getpass.getuser()
    return accounts.deed(Author("cli", login, f"cli:{login}"), permission, reason)
