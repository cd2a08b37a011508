"""The two sides of `offers.py`: the engine, and mod_callcenter, each with the same agents and callers who wait."""

from __future__ import annotations

import select
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from tests.real.esl import Tap
from tests.real.switch import RealSwitch

ROOT = Path(__file__).resolve().parents[2]
START_S = 90.0
QUEUE = "bench@cti.local"
MUSIC = "tone_stream://%(300,9700,350,440)"

CONFIG = """\
node: bench
data: data
flows: flows
switches:
  - {{name: fs, host: {host}, port: {port}, password_file: {password_file}, domain: cti.local}}
api: {{port: 0}}
reload: {{watch: false}}
limits: {{calls: 1000, per_caller: 0, overload: {{cpu_pct: 0, late_ms: 0}}}}
dialing: {{sip_hosts: [127.0.0.1]}}
queues:
  bench: {{limit: 1000, music: "{music}"}}
"""
FLOWS = {
    "entry": "entries:\n  - {name: all, medium: voice, flow: wait}\n",
    "wait": "flow: wait\nstart: line\nlanguages: {default: en-US}\nnodes:\n"
    "  line: {type: queue, queue: bench, max_wait: 10m, to: {talked: bye, timeout: bye, else: bye}}\n"
    "  bye: {type: end, outcome: over}\n",
    "busy": "flow: busy\nstart: sorry\nlanguages: {default: en-US}\nnodes:\n"
    '  sorry: {type: play, say: "All lines are busy.", barge_in: false}\n  bye: {type: end, outcome: busy}\n',
}
#: Its tables in memory (docs of mod_callcenter: `dbname`), where the machine has such a place: its best case.
CALLCENTER = """\
<configuration name="callcenter.conf">
  <settings><param name="dbname" value="{database}"/></settings>
  <queues>
    <queue name="{queue}">
      <param name="strategy" value="longest-idle-agent"/>
      <param name="moh-sound" value="{music}"/>
      <param name="time-base-score" value="system"/>
      <param name="tier-rules-apply" value="false"/>
      <param name="max-wait-time" value="0"/>
      <param name="max-wait-time-with-no-agent" value="0"/>
      <param name="discard-abandoned-after" value="1"/>
    </queue>
  </queues>
</configuration>
"""
EXTENSION = """\
  <extension name="callcenter">
    <condition field="destination_number" expression="^7000$">
      <action application="answer"/>
      <action application="callcenter" data="{queue}"/>
    </condition>
  </extension>
"""


class Side(Protocol):
    """``called``: the number that leads callers into its queue."""

    name: str
    called: str

    def ready(self, agent: int) -> None: ...

    def put_away(self, agent: int) -> None:
        """After the offer to it was refused by its phone."""

    def waiting(self) -> int: ...


class Engine:
    name, called = "engine", "4000"

    def __init__(self, switch: RealSwitch, folder: Path, agents: int, phones_port: int) -> None:
        (folder / "flows").mkdir(parents=True)
        for name, text in FLOWS.items():
            (folder / "flows" / f"{name}.yaml").write_text(text)
        conf = switch.conf
        config = folder / "cti.yaml"
        config.write_text(CONFIG.format(host=conf.host, port=conf.port, password_file=conf.password_file, music=MUSIC))
        command = [sys.executable, str(Path(__file__).with_name("_offer_engine.py")), str(config)]
        self._log = folder / "engine.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, str(agents), str(phones_port)],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1,
            )  # fmt: skip

    def wait_up(self) -> None:
        if self._answer(START_S) != "up":
            raise RuntimeError(f"the engine is not up:\n{self._log.read_text()[-3000:]}")

    def ready(self, agent: int) -> None:
        self._say(f"ready {agent}")

    def put_away(self, agent: int) -> None:
        """It is NOT_READY (phone_down) by itself."""

    def waiting(self) -> int:
        self._say("waiting")
        return int(self._answer(10.0))

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")

    def _answer(self, timeout_s: float) -> str:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], timeout_s)
        return self._process.stdout.readline().strip() if readable else ""


class Callcenter:
    name, called = "mod_callcenter", "7000"

    def __init__(self, tap: Tap, agents: int, phones_port: int) -> None:
        self._tap = tap
        answer = tap.api("load mod_callcenter")
        if "+OK" not in answer:
            raise RuntimeError(f"mod_callcenter is not to be had: {answer}")
        for number in range(agents):
            contact = f"[leg_timeout=20]sofia/phones/a{number}@127.0.0.1:{phones_port}"
            self._ask(f"agent add a{number} callback")
            self._ask(f"agent set contact a{number} {contact}")
            self._ask(f"agent set busy_delay_time a{number} 600")  # its one offer of a run is over
            self._ask(f"agent set status a{number} 'On Break'")
            self._ask(f"tier add {QUEUE} a{number}")

    def ready(self, agent: int) -> None:
        self._ask(f"agent set status a{agent} Available")

    def put_away(self, agent: int) -> None:
        self._ask(f"agent set status a{agent} 'On Break'")

    def waiting(self) -> int:
        answer = self._tap.api(f"callcenter_config queue list members {QUEUE}")
        return answer.count("|Waiting|")

    def _ask(self, command: str) -> None:
        answer = self._tap.api(f"callcenter_config {command}")
        if not answer.startswith("+OK"):
            raise RuntimeError(f"callcenter_config {command}: {answer}")


def add_callcenter(switch: RealSwitch, database: Path) -> None:
    """Into the configuration of this switch only, before its start."""
    conf = switch.folder / "conf"
    text = CALLCENTER.format(database=database, queue=QUEUE, music=MUSIC)
    (conf / "autoload_configs" / "callcenter.conf.xml").write_text(text)
    file = conf / "dialplan" / "trunks.xml"
    begin = '<context name="trunks">\n'
    file.write_text(file.read_text().replace(begin, begin + EXTENSION.format(queue=QUEUE)))
