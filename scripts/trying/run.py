"""Starts a whole cluster on this machine, says where it is reached, and ends all of it on Ctrl-C."""

from __future__ import annotations

import argparse
import select
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from scripts.trying.files import MENU, QUEUE
from scripts.trying.house import CARRIER, House, Real
from tests.real.sipp import WaitBye, scenario


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/cluster", description=__doc__)
    parser.add_argument("--embedded", action="store_true", help="no FreeSWITCH, although there is one")
    parser.add_argument("--port", type=int, default=0, help="for clients (default: any free one)")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and data")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="cti-cluster-"))
    house = House(folder, embedded=options.embedded, port=options.port, say=say)
    try:
        house.start()
        tell(house)
        serve(house)
    except KeyboardInterrupt:
        say("ending")
    except (RuntimeError, TimeoutError) as error:
        say(f"it did not start: {error}; logs are in {folder}")
        options.keep = True
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # ending is not interrupted
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        house.close()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        say("ended")
    return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def say(words: str) -> None:
    print(words, flush=True)


def tell(house: House) -> None:
    fronts = ", ".join(f"http://127.0.0.1:{port}" for port in house.ports.values())
    say(f"\nClients: http://127.0.0.1:{house.port} ({'nginx before ' if house.proxied else ''}{fronts})")
    for name, switch in house.switches.items():
        sip = f", SIP 127.0.0.1:{switch.switch.conf.trunks_port}" if isinstance(switch, Real) else ""
        say(f"Switch {name}: {switch.kind}, event socket 127.0.0.1:{switch.port}{sip}")
    if house.edge is not None:
        say(f"SIP: 127.0.0.1:{house.edge.port} (Kamailio), for phones; what comes from {CARRIER} is a carrier")
        if shutil.which("sipp"):
            say(f"A caller, who stays until Ctrl-C: {caller(house.folder, house.edge.port)}")
    for process, program in house.programs.items():
        say(f"{process}: pid {program.pid}, log {house.folder}/{process.replace('/', '-')}.log")
    assert house.people is not None
    for name, password in house.people.passwords.items():
        say(f"sign in: {name} {password}")
    say(f"Numbers: {QUEUE} waits for an agent, {MENU} has a menu.")
    say("Type: call [NUMBER] [a|b], hangup UUID [a|b], nodes, quit. Ctrl-C ends everything.")
    say("ready")


def caller(folder: Path, port: int) -> str:
    """The command that places a call through Kamailio."""
    (folder / "caller.xml").write_text(scenario([WaitBye()]), encoding="utf-8")
    (folder / "caller.csv").write_text("SEQUENTIAL\n13800000001;\n", encoding="utf-8")
    return (
        f"sipp 127.0.0.1:{port} -sf {folder}/caller.xml -inf {folder}/caller.csv -i {CARRIER} -mi {CARRIER} "
        f"-s {QUEUE} -m 1 -recv_timeout 3600000"
    )


def serve(house: House) -> None:
    """Until `quit`, or interrupted."""
    listening = True
    while True:
        if listening and select.select([sys.stdin], [], [], 1.0)[0]:
            line = sys.stdin.readline()
            listening = line != ""  # at its end, which is no command
            if line.strip() == "quit":
                return
            do(house, line.split())
        elif not listening:
            signal.sigtimedwait([], 1.0)
        house.look()


def do(house: House, words: list[str]) -> None:
    if words[:1] == ["call"]:
        number, switch = [*words[1:], *(QUEUE, "a")[len(words) - 1 :]][:2]
        say(f"call: {house.call(switch, number)}")
    elif words[:1] == ["hangup"] and len(words) > 1:
        say(f"hangup: {house.hang_up([*words[2:], 'a'][0], words[1])}")
    elif words == ["nodes"]:
        from cti.cli import main as cti

        cti(["node", "list", "--config", str(house.config("n1", "acd"))])
    elif words:
        say("call [NUMBER] [a|b], hangup UUID [a|b], nodes, quit")


if __name__ == "__main__":
    raise SystemExit(main())
