"""`cti backup`: everything that an engine cannot make again in one file, and an engine's folder made of it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of

if TYPE_CHECKING:
    import argparse

    from cti.app.backup import Manifest


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("backup", help="create, verify and restore backups", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    making = verbs.add_parser("create", help="beside a running engine; holds the keys: keep it as secret as the engine")
    making.add_argument("target", type=Path, metavar="FOLDER|FILE")
    making.add_argument("--recordings", action="store_true", help="with the (encrypted) recordings")
    making.set_defaults(run=create)
    add_config(making)
    checking = verbs.add_parser("verify", help="is every file there as it was written?")
    checking.set_defaults(run=verify_)
    restoring = verbs.add_parser("restore", help="into an empty folder, on which `cti serve` starts")
    restoring.add_argument("--target", type=Path, required=True, metavar="FOLDER")
    restoring.add_argument("--database", metavar="URL", help="the PostgreSQL database to fill, where it was one")
    restoring.add_argument("--force", action="store_true", help="in the place of what is there")
    restoring.set_defaults(run=restore)
    for verb in (checking, restoring):
        verb.add_argument("backup", type=Path, metavar="FILE")
    for verb in (making, checking, restoring):
        verb.add_argument("--json", action="store_true")


def create(options: argparse.Namespace) -> int:
    from cti.app.backup import create_backup

    file, manifest = create_backup(settings_of(options), options.config, options.target, recordings=options.recordings)
    return _tell(options, file, manifest, f"{file}: {_size(manifest)}; it holds the keys, so keep it as secret as them")


def verify_(options: argparse.Namespace) -> int:
    from cti.app.backup import verify

    manifest = verify(options.backup)
    return _tell(options, options.backup, manifest, f"{options.backup} is whole: {_size(manifest)}")


def restore(options: argparse.Namespace) -> int:
    """Exit status 1 where the audit of what was restored does not hold."""
    from cti.app import open_accounts
    from cti.app.backup import restore_backup
    from cti.config import load_settings

    done = restore_backup(options.backup, options.target, database=options.database, force=options.force)
    with open_accounts(load_settings(done.config)) as accounts:
        proof = accounts.store.audit.prove()
    audit = f"audit: {proof.lines} lines, {'every one as it was written' if proof.good else 'broken: cti audit verify'}"
    _tell(options, done.config, done.manifest, f"{_size(done.manifest)} in {options.target}; {audit}\n"
          f"start it with: cti serve --config {done.config}")  # fmt: skip
    return 0 if proof.good else 1


def _size(manifest: Manifest) -> str:
    mib = sum(size for size, _ in manifest.files.values()) / 1_048_576
    with_or_without = "with" if manifest.recordings else "without"
    return f"{len(manifest.files)} files, {mib:.1f} MiB, {with_or_without} recordings, of {manifest.made_at}"


def _tell(options: argparse.Namespace, file: Path, manifest: Manifest, text: str) -> int:
    if options.json:
        json.dump({"file": str(file), **asdict(manifest)}, sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        print(text)
    return 0
