"""`cti demo`: engine, embedded switch and API on this machine, with a few virtual calls."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent

from cti.cli import demo_agents, demo_people
from cti.cli.common import DEMO_CONFIG, start_log
from cti.core.script import HangUp, Hear, Press, Silence

if TYPE_CHECKING:
    import argparse

    from cti.core.script import Step

BETWEEN_CALLERS_S = 8.0
#: Who calls in the demo: (what they want, caller, called number, what they do).
CALLS: tuple[tuple[str, str, str, tuple[Step, ...]], ...] = (
    ("asks for the balance", "13800000000", "10086", (Hear("按1"), Press("1"), Hear("余额"), Silence(4), HangUp())),
    ("changes to English", "13800000001", "10086", (Press("*"), Hear("press 1"), Press("1"), Silence(5), HangUp())),
    ("calls from a fixed line", "01088880001", "10086", (Silence(4), HangUp())),
    ("wants a person", "13800000002", "10086", (Hear("按0"), Press("0"), Silence(6), HangUp())),
    ("says nothing and hangs up", "13800000003", "10086", (Silence(3), HangUp())),
)

#: Its queue: a little work after each contact, of which agents say what came.
SERVICE = "{wrapup_s: 5, dispositions: {solved: Solved, passed_on: Passed on, calls_again: Calls again}}"


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("demo", help="everything on this machine, with virtual callers", description=__doc__)
    noun.add_argument("--seconds", type=float, help="end after this time (default: at Ctrl-C)")
    noun.add_argument("--api-port", type=int, default=8080)
    noun.add_argument("--quiet", action="store_true", help="print no dialogues")
    noun.set_defaults(run=demo)


def demo(options: argparse.Namespace) -> int:
    from cti.demo import Demo

    start_log(verbose=False)
    print("== starting the embedded switch, the engine and the API", flush=True)
    platform = Demo(DEMO_CONFIG.parent, Path("ivr_flows"), options.api_port, service=SERVICE, billing=True).start()
    application = platform.application
    print(f"== http://127.0.0.1:{application.api_port}/healthz  /metrics   (settings: {DEMO_CONFIG})")
    ways = demo_people.prepare(application.accounts.accounts, DEMO_CONFIG.parent)
    demo_people.show(ways, application.api_port)
    print(f"== {', '.join(demo_people.AGENTS)} sign in by the API and take calls on virtual phones", flush=True)
    working = demo_agents.staff(application.api_port, ways.passwords)
    placing = gevent.spawn(_place_calls, platform, options)
    if options.seconds is not None:
        gevent.spawn_later(options.seconds, application.ask_to_stop)
    application.heed_signals()
    status = application.run_until_signal()
    gevent.killall([placing, *working])
    platform.end()
    return status


def _place_calls(platform: Any, options: argparse.Namespace) -> None:
    from cti.cli.phone import Phone

    application = platform.application
    application.wait_until_up(10.0)
    for wish, caller, called, script in CALLS:
        if not options.quiet:
            print(f"\n== {caller} dials {called} and {wish}", flush=True)
        phone = Phone(silent=options.quiet)
        call = platform.call(caller, called, script, phone.observe)
        phone.done.wait(60.0)
        if not options.quiet and call.channel is not None:
            _print_record(application, call.channel.uuid)
    print("\n== that was the demo. Try, in another terminal:")
    print("     .venv/bin/cti call list")
    print("     .venv/bin/cti flow call hotline")
    print("     .venv/bin/cti watch            # queues and agents, live")
    print("     .venv/bin/cti user list")
    key = f'-H "X-API-Key: $(cat {DEMO_CONFIG.parent / "api-key"})"'
    print(f"     curl -s {key} http://127.0.0.1:{application.api_port}/v1/calls?limit=2")
    print("   Callers go on to come in the background. Ctrl-C ends it.", flush=True)
    _keep_calling(platform)


def _keep_calling(platform: Any) -> None:
    """Somebody wants a person every few seconds, more than there are agents for, so that there is a queue to watch."""
    for number in itertools.count():
        talk_s = 15 + number * 7 % 20
        script = (Hear("按0"), Press("0"), Silence(talk_s), HangUp())
        platform.call(f"1380000{number % 40:04}", "10086", script, _nobody)
        gevent.sleep(BETWEEN_CALLERS_S)


def _nobody(*_: Any) -> None:
    """Nobody listens in."""


def _print_record(application: Any, call_id: str) -> None:
    """What is on record about the call just ended."""
    application.wait_until_recorded(call_id, 5.0)
    found = application.store.find_call(call_id)
    if found is None:
        return
    nodes = " > ".join(visit.node for visit in found.visits)
    talked = [leg.number or "?" for leg in found.legs if leg.role != "caller"]
    print(f"   on record: {nodes}")
    print(f"   ended by {found.call.terminal_cause}; goals: {', '.join(found.call.goals) or 'none'}", end="")
    print(f"; talked with {', '.join(talked)}" if talked else "", flush=True)
