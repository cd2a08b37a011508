"""`cti lookup`: ask the back office something, and see by which way the answer came. Opens its own connections."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of
from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cti.boss import InterfaceServer, OfficePlan
    from cti.config import Settings


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("lookup", help="ask the back office", description=__doc__)
    noun.add_argument("name", metavar="NAME", help="such as balance.get")
    noun.add_argument("arguments", nargs="*", type=_argument, metavar="FIELD=VALUE")
    noun.add_argument("--explain", action="store_true", help="which routes and back ends were tried, how long it took")
    noun.add_argument("--unmask", action="store_true", help="personal data in clear; takes --reason, and is audited")
    noun.add_argument("--reason", default="", help="why; kept in the audit")
    noun.add_argument("--json", action="store_true")
    noun.set_defaults(run=lookup)
    add_config(noun)


def _argument(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is no FIELD=VALUE")
    return name, value


def lookup(options: argparse.Namespace) -> int:
    """Exit status 1 when the back office did not answer."""
    from cti.api.office import found_json
    from cti.boss.guard.bulkhead import Priority
    from cti.boss.mapping import bind
    from cti.flow.catalog import TECHNICAL_OUTCOMES
    from cti.flow.suggest import did_you_mean
    from cti.flow.types import BadValue

    settings, arguments = settings_of(options), dict(options.arguments)
    if options.unmask:
        _tell_the_audit(settings, options)
    with _office(settings, options.name) as office:
        plan = office.plan.lookups.get(options.name)
        if plan is None:
            hint = did_you_mean(options.name, office.plan.lookups)
            raise CtiError(f"there is no look-up '{options.name}'{hint}", code="unknown-lookup")
        try:
            bind(plan.signature, arguments)
        except BadValue as error:
            raise CtiError(
                str(error), code="bad-arguments", remedy=f"it takes {_takes(plan.signature.inputs)}"
            ) from None
        found = office.find(options.name, arguments, Priority.AGENT)
    answer = found_json(plan, found, unmask=options.unmask, explain=options.explain)
    if options.json:
        json.dump(answer, sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        _show(answer)
    return 1 if found.outcome in TECHNICAL_OUTCOMES else 0


@contextmanager
def _office(settings: Settings, name: str) -> Iterator[InterfaceServer]:
    """What goes by files is put into the database, for an engine to send; nothing else needs it."""
    from cti.app import open_accounts
    from cti.app.office import open_office
    from cti.app.office_keys import use_own_keys
    from cti.app.parts import load_boss

    if not _goes_by_files(load_boss(settings)[0], name):
        with open_office(settings) as office:
            yield office
        return
    with open_accounts(settings) as accounts:
        use_own_keys(settings, accounts.store)
        with open_office(settings, files=accounts.store.request_files) as office:
            yield office


def _goes_by_files(plan: OfficePlan, name: str) -> bool:
    """It, or the look-up of the attributes by which it is routed."""
    asked = [plan.lookups[one] for one in (name, plan.attributes_lookup or "") if one in plan.lookups]
    targets = [target for one in asked for route in one.routes for target in route.to]
    return any(getattr(plan.backends[target.backend].options, "send", None) is not None for target in targets)


def _takes(inputs: Mapping[str, object]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in inputs.items()) or "nothing"


def _show(answer: Mapping[str, Any]) -> None:
    print(answer["outcome"] + (f" ({answer['reason']})" if answer["reason"] else ""))
    for name, value in answer["values"].items():
        masked = "   (masked)" if name in answer["masked"] else ""
        print(f"  {name:<16} {'' if value is None else value}{masked}")
    if "steps" in answer:
        for step in answer["steps"]:
            print(f"  - {step}")
        how = f"{answer['how']}, by {answer['backend']}" if answer["backend"] else answer["how"]
        print(f"  {how}, as of {answer['as_of'] or 'never'}, {answer['took_ms']:g} ms")


def _tell_the_audit(settings: Settings, options: argparse.Namespace) -> None:
    """On return the line is written. Raises CtiError without a reason."""
    from cti.app import open_accounts
    from cti.cli.common import author
    from cti.core.access import Permission

    if not options.reason.strip() or len(options.reason) > 200:
        raise CtiError("--unmask takes a --reason of 1 to 200 characters", code="bad-reason")
    with open_accounts(settings) as accounts:
        deed = accounts.deed(author(), Permission.DATA_UNMASK, options.reason.strip())
        accounts.store.audit.add(deed.line("lookup.unmask", f"lookup:{options.name}"))
