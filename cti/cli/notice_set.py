"""`cti notice set|end`: an announcement from the command line. A running engine takes it within seconds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cti.cli.callbacks import deed_of
from cti.cli.common import add_config, settings_of
from cti.core.access import Permission
from cti.core.errors import CtiError

if TYPE_CHECKING:
    from cti.config import Settings


def add_verbs(verbs: Any) -> None:
    setting = verbs.add_parser("set", help="set a notice, or change one that was set")
    setting.add_argument("notice_id", metavar="ID")
    setting.add_argument(
        "--say", action="append", required=True, type=_said, metavar="LANGUAGE=TEXT", help="such as en-US=…; repeat it"
    )
    for name, what in (("area", "area code"), ("service", "service"), ("number", "number, with * and ?")):
        setting.add_argument(f"--{name}", action="append", default=[], metavar=what.split(",")[0].upper(), help=what)
    setting.add_argument("--starts", metavar="MOMENT", help="2026-03-02T10:00+08:00; default: now")
    setting.add_argument("--ends", metavar="MOMENT", help="then it ends by itself")
    setting.add_argument("--priority", type=int, default=0, metavar="N", help="0 to 100; the highest is said first")
    setting.set_defaults(run=set_notice)
    ending = verbs.add_parser("end", help="tell nobody any more; raises the event of its id")
    ending.add_argument("notice_id", metavar="ID")
    ending.set_defaults(run=end)
    for verb in (setting, ending):
        add_config(verb)


def _said(text: str) -> tuple[str, str]:
    language, equals, said = text.partition("=")
    if not equals or not language or not said:
        raise argparse.ArgumentTypeError(f"write LANGUAGE=TEXT, such as en-US=…, not {text[:40]!r}")
    return language, said


def set_notice(options: argparse.Namespace) -> int:
    """Raises CtiError (bad-notice, notice-exists), FlowsRefused."""
    from cti.app import notices_in_force, open_accounts
    from cti.runtime.set_notices import checked

    settings = settings_of(options)
    given = {
        "say": dict(options.say),
        "areas": options.area,
        "services": options.service,
        "numbers": options.number,
        "starts": options.starts,
        "ends": options.ends,
        "priority": options.priority,
    }
    document = {name: value for name, value in given.items() if value}
    checked(options.notice_id, document, _languages(settings))
    if any(one.id == options.notice_id for one in notices_in_force(settings).notices):
        raise CtiError(
            f"notice {options.notice_id!r} stands in notices.yaml", code="notice-exists", remedy="another id"
        )
    with open_accounts(settings) as accounts:
        deed = deed_of(accounts, Permission.NOTICES_EDIT)
        accounts.store.notices.put(options.notice_id, document, deed)
    print(f"notice {options.notice_id} is set")
    return 0


def _languages(settings: Settings) -> set[str]:
    from cti.app import configured_flows
    from cti.flow.notices import notice_languages

    plans = configured_flows(settings).plans.values()
    return notice_languages(flow for plan in plans for flow in plan.flows.values())


def end(options: argparse.Namespace) -> int:
    """Raises CtiError (unknown-notice)."""
    from cti.app import open_accounts

    with open_accounts(settings_of(options)) as accounts:
        accounts.store.notices.end(options.notice_id, deed_of(accounts, Permission.NOTICES_EDIT))
    print(f"notice {options.notice_id} has ended")
    return 0
