"""`cti demo`: engine, embedded switch and API on this machine, with a few virtual calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent

from cti.cli.common import DEMO_CONFIG, start_log
from cti.core.script import HangUp, Hear, Press, Silence

if TYPE_CHECKING:
    import argparse

    from cti.core.script import Step

#: Who calls in the demo: (what they want, caller, called number, what they do).
CALLS: tuple[tuple[str, str, str, tuple[Step, ...]], ...] = (
    ("asks for the balance", "13800000000", "10086", (Hear("按1"), Press("1"), Hear("余额"), Silence(4), HangUp())),
    ("changes to English", "13800000001", "10086", (Press("*"), Hear("press 1"), Press("1"), Silence(5), HangUp())),
    ("calls from a fixed line", "01088880001", "10086", (Silence(4), HangUp())),
    ("wants a person", "13800000002", "10086", (Hear("按0"), Press("0"), Silence(6), HangUp())),
    ("says nothing and hangs up", "13800000003", "10086", (Silence(3), HangUp())),
)


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
    platform = Demo(DEMO_CONFIG.parent, Path("ivr_flows"), options.api_port).start()
    application = platform.application
    print(f"== http://127.0.0.1:{application.api_port}/healthz  /metrics  /v1/calls   (settings: {DEMO_CONFIG})")
    placing = gevent.spawn(_place_calls, platform, options)
    if options.seconds is not None:
        gevent.spawn_later(options.seconds, application.ask_to_stop)
    application.heed_signals()
    status = application.run_until_signal()
    placing.kill()
    platform.switch.stop()
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
    print(f"     curl -s http://127.0.0.1:{application.api_port}/v1/calls?limit=2")
    print("   Ctrl-C ends it.", flush=True)


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
