"""`cti sms`: a conversation by SMS in the terminal, on a platform of its own."""

from __future__ import annotations

import argparse
import logging
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.cli.flow_common import add_flows, need_known
from cti.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cti.channels.conversations import Conversations
    from cti.flow import Plan
    from cti.ports import Once

ANSWER_S = 10.0
SMS = "sms"


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser(SMS, help="a conversation by SMS in the terminal", description=__doc__)
    noun.add_argument("text", nargs="*", metavar="TEXT", help="what the customer writes; without any: lines of stdin")
    noun.add_argument("--from", dest="sender", type=_number, default="13800000000", help="the customer's number")
    noun.add_argument("--to", dest="called", type=_number, default="10086", help="the number written to")
    noun.add_argument("--flow", help="the flow that is met, whatever the entry table says")
    noun.add_argument("--verbose", action="store_true", help="show the engine's log, too")
    noun.set_defaults(run=sms)
    add_flows(noun)


def sms(options: argparse.Namespace) -> int:
    """Exit status 1 when a text was not answered."""
    from cti.app import load_flows
    from cti.demo import DIRECT, Demo

    logging.basicConfig(level=logging.INFO if options.verbose else logging.ERROR)
    _need_flow(options.flow, load_flows(options.flows).plans)
    screen = Screen(options.sender)
    called = DIRECT if options.flow else options.called
    with tempfile.TemporaryDirectory(prefix="cti-sms-") as folder:
        demo = Demo(Path(folder), options.flows, api_port=0, direct=options.flow, channels={SMS: screen})
        platform = demo.start()
        try:
            return _converse(options, called, screen, platform.application.conversations)
        finally:
            platform.stop()


@dataclass(slots=True)
class Screen:
    """Shows every message that goes out. Implements `cti.ports.MessageChannel`. ``answers``: those to the customer."""

    customer: str
    answers: int = 0

    @property
    def once(self) -> Once:
        return "no"

    def send(self, recipient: str, text: str, key: str) -> bool:
        self.answers += recipient == self.customer
        to = "" if recipient == self.customer else f"(to {recipient}) "
        for number, line in enumerate(text.splitlines() or [""]):
            print(f"{'  ' if number else '< '}{to if not number else ''}{line}", flush=True)
        return True


def _converse(options: argparse.Namespace, called: str, screen: Screen, conversations: Conversations) -> int:
    from cti.core.calls import Medium
    from cti.runtime.waiting import wait_until

    status = 0
    for text in _texts(options.text):
        print(f"> {text}", flush=True)
        before = screen.answers
        conversations.receive(Medium.SMS, options.sender, called, text)
        if not wait_until(lambda before=before: screen.answers > before or not conversations, ANSWER_S):  # type: ignore[misc]
            print(f"  no answer within {ANSWER_S:g} s", file=sys.stderr, flush=True)
            status = 1
        if wait_until(lambda: not conversations, 0.1):
            print("  the conversation has ended; another text begins a new one", flush=True)
    return status


def _texts(given: list[str]) -> Iterator[str]:
    """What the command line says, and then, of a person or in its place, the lines that come in."""
    yield from given
    if given and not sys.stdin.isatty():
        return
    typed = _typed() if sys.stdin.isatty() else iter(sys.stdin)
    yield from (line.strip() for line in typed if line.strip())


def _typed() -> Iterator[str]:
    """The platform works on while somebody thinks."""
    import gevent.select

    print("  each line is a message; Ctrl-D ends", flush=True)
    while True:
        gevent.select.select([sys.stdin], [], [])
        line = sys.stdin.readline()
        if not line:
            return
        yield line


def _need_flow(flow: str | None, plans: Mapping[str, Plan]) -> None:
    if flow is None:
        return
    need_known(flow, plans)
    media = plans[flow].flows[flow].media
    if SMS not in media:
        fitting = sorted(name for name, plan in plans.items() if SMS in plan.flows[name].media)
        raise ConfigError(
            f"flow '{flow}' is made for {', '.join(media)}, not for sms",
            code="medium-mismatch",
            remedy=f"take one of {', '.join(fitting)}" if fitting else "write one with `media: sms`",
        )


def _number(text: str) -> str:
    if not re.fullmatch(r"\+?\d{3,20}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"a number such as 13800000000, not {text[:40]!r}")
    return text
