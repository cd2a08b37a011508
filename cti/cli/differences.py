"""`cti backend differences`: how the new way of a migration answers, as the running engine has compared it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cti.cli.watch import add_api, fetch, key_of

if TYPE_CHECKING:
    import argparse

PATH = "/v1/backends/differences"


def add_to(verbs: Any) -> None:
    verb = verbs.add_parser("differences", help="what a shadowed system answers otherwise", description=__doc__)
    verb.add_argument("lookup", nargs="?", metavar="LOOKUP", help="samples of this one; default: counts of all")
    add_api(verb, "the state of back ends")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=show)


def show(options: argparse.Namespace) -> int:
    """Exit status 1 when anything differed, or the new way failed. Raises CtiError."""
    key = key_of(options.key_file)
    compared = [
        one for one in _all(options.url, PATH, key) if options.lookup is None or one["lookup"] == options.lookup
    ]
    samples = _all(options.url, f"{PATH}/{quote(options.lookup, safe='')}", key) if options.lookup else []
    if options.json:
        json.dump({"compared": compared, "samples": samples}, sys.stdout, indent=2, ensure_ascii=False)
        print()
    else:
        for one in compared:
            print("\n".join(_counts(one)))
        for sample in samples:
            print("\n".join(_sample(sample)))
    return 1 if any(one["different"] or one["failed"] for one in compared) else 0


def _all(url: str, path: str, key: str) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    query = ""
    while True:
        page = fetch(url, path + query, key)
        found += page["items"]
        if not page.get("next"):
            return found
        query = f"?after={quote(page['next'], safe='')}"


def _counts(one: dict[str, Any]) -> list[str]:
    lines = [f"{one['lookup']}: {one['same']} the same, {one['different']} different, since {one['since']}"]
    lines += [f"  {name} differed: {count}" for name, count in one["fields"].items()]
    lines += [
        f"  {pair['usual']}, the new way {pair['new']}: {pair['count']}"
        for pair in one["outcomes"]
        if pair["usual"] != pair["new"]
    ]
    lines += [f"  the new way failed, {reason}: {count}" for reason, count in one["failed"].items()]
    return lines + [f"  not asked, {reason}: {count}" for reason, count in one["skipped"].items()]


def _sample(sample: dict[str, Any]) -> list[str]:
    usual, new = sample["usual"], sample["new"]
    arguments = ", ".join(f"{name}={value}" for name, value in sample["arguments"].items())
    outcomes = f"{usual['backend']} {usual['outcome']}, {new['backend']} {new['outcome']}"
    return [f"{sample['at']}  {outcomes}  ({arguments})"] + [
        f"  {field['name']}: {field['usual']} | {field['new']}" for field in sample["fields"]
    ]
