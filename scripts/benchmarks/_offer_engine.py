"""The engine of `offers.py`, in a process of its own: its agents are signed in, and a line on stdin makes one READY.

    ready 17      the 17th agent is READY now          waiting      prints how many callers wait, for an answer

The line stands where the API will stand, as the event socket's `callcenter_config` does for mod_callcenter.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gevent.fileobject import FileObject

from cti.acd import Profile
from cti.app import Application
from cti.config import load_settings
from cti.core.legs import Phone
from cti.runtime.floor.hunting import PERSON


def main(config: str, agents: int, phones_port: int) -> None:
    """Prints `up` when it takes calls; ends with its stdin."""
    application = Application(load_settings(Path(config)), announce=lambda _text: None)
    application.start()
    application.wait_until_up(60)
    lines = application.floor.lines
    for number in range(agents):
        lines.sign_in(Profile(f"a{number}", PERSON), Phone(f"sip/a{number}@127.0.0.1:{phones_port}"))
    print("up", flush=True)
    for line in FileObject(sys.stdin.fileno(), closefd=False):
        match line.split():
            case ["ready", number]:
                lines.set_ready(f"a{number}")
            case ["waiting"]:
                print(sum(application.floor.callers.waiting().values()), flush=True)
    application.let_go()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
