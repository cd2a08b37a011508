"""`cti audit`: is every line of the audit there, and as it was written? Reads the database beside a running engine."""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of
from cti.core.moments import iso

if TYPE_CHECKING:
    from cti.store.audit_chain import Head
    from cti.store.audit_proof import Proof

_HEAD = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})")


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("audit", help="prove the audit", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    verify_ = verbs.add_parser("verify", help="find the first line that was changed, removed or put in")
    verify_.add_argument(
        "--noted", type=_head, metavar="NUMBER:HASH", help="a head that this command told before, kept elsewhere"
    )
    verify_.add_argument("--json", action="store_true")
    verify_.set_defaults(run=verify)
    add_config(verify_)


def verify(options: argparse.Namespace) -> int:
    """Exit status 1 where the chain breaks, or was found broken by a writer before."""
    from cti.app import open_accounts

    with open_accounts(settings_of(options)) as accounts:
        proof = accounts.store.audit.prove(options.noted)
    if options.json:
        json.dump({**asdict(proof), "good": proof.good}, sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        _show(proof)
    return 0 if proof.good else 1


def _show(proof: Proof) -> None:
    since = "no line has hashes yet" if proof.first is None else f"hashes from line {proof.first} on"
    if proof.broken is None:
        print(f"every line is there as it was written: {proof.lines} lines, {since}")
    else:
        print(f"line {proof.broken.number} [{proof.broken.code}] {proof.broken.message}")
        print(f"{proof.lines} lines before it are there as they were written, {since}")
    for fault in proof.faults:
        print(f"found by a writer at {iso(fault.at)}, when line {fault.number} was the last: {fault.what}")
    if proof.head is not None:
        print(f"head {proof.head.text}")


def _head(text: str) -> Head:
    from cti.store.audit_chain import Head

    found = _HEAD.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("write NUMBER:HASH, as `cti audit verify` tells it")
    return Head(int(found[1]), found[2])
