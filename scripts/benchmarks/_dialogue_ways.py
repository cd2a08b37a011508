"""The ways of `dialogue.py` to hold the same dialogue on one switch, with the same files of sound:

answer, first prompt, a digit (barge-in allowed), second prompt, a digit, hang up.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gevent.server import StreamServer

from cti.core.commands import Say
from cti.prompts import Renderer, WavPrompts
from tests.real.engine import EngineProcess
from tests.real.esl import Tap
from tests.real.scheduling import as_unit
from tests.real.switch import RealSwitch

ENGINE, NATIVE, READY, APPLICATION = "4000", "7000", "7001", "7002"
#: Of about three seconds each.
FIRST, SECOND = "Thank you for calling us. Please press one now.", "Thank you very much. Now please press one again."
FLOWS = {
    "entry": "entries:\n  - {name: all, medium: voice, flow: dialogue}\n",
    "dialogue": f"""\
flow: dialogue
start: first
languages: {{default: en-US}}
nodes:
  first: {{type: menu, say: "{FIRST}", wait: 5s, keys: {{1: second}}, to: {{no_input: bye, no_match: bye}}}}
  second: {{type: menu, say: "{SECOND}", wait: 5s, keys: {{1: good}}, to: {{no_input: bye, no_match: bye}}}}
  good: {{type: end, outcome: done}}
  bye: {{type: end, outcome: missed}}
""",
    "busy": "flow: busy\nstart: sorry\nlanguages: {default: en-US}\nnodes:\n"
    '  sorry: {type: play, say: "All lines are busy.", barge_in: false}\n  bye: {type: end, outcome: busy}\n',
}
#: `set` of the engine's dialplan has no counterpart here: it is the shortest that does the same.
EXTENSIONS = """\
  <extension name="native">
    <condition field="destination_number" expression="^7000$">
      <action application="answer"/>
      <action application="play_and_get_digits" data="1 1 1 5000 # {first} silence_stream://10 key ^1$"/>
      <action application="play_and_get_digits" data="1 1 1 5000 # {second} silence_stream://10 key ^1$"/>
      <action application="hangup"/>
    </condition>
  </extension>
  <extension name="httapi-ready">
    <condition field="destination_number" expression="^7001$">
      <action application="answer"/>
      <action application="httapi" data="{{url=http://127.0.0.1:{ready}/first}}"/>
      <action application="hangup"/>
    </condition>
  </extension>
  <extension name="httapi-application">
    <condition field="destination_number" expression="^7002$">
      <action application="answer"/>
      <action application="httapi" data="{{url=http://127.0.0.1:{application}/dialogue}}"/>
      <action application="hangup"/>
    </condition>
  </extension>
"""
HTTAPI_CONF = """\
<configuration name="httapi.conf">
  <settings><param name="debug" value="false"/></settings>
  <profiles>
    <profile name="default">
      <permissions><permission name="set-params" value="true"/></permissions>
      <params><param name="gateway-url" value="http://127.0.0.1:{ready}/first"/></params>
    </profile>
  </profiles>
</configuration>
"""
_PLAY = '<playback file="{file}" action="http://127.0.0.1:{port}/{next}" input-timeout="5000"><bind>1</bind></playback>'


def write_flows(folder: Path) -> None:
    """In the place of the shipped ones, before the engine's process is made."""
    (folder / "flows").mkdir(parents=True)
    for name, text in FLOWS.items():
        (folder / "flows" / f"{name}.yaml").write_text(text)


def files_of(engine: EngineProcess) -> tuple[str, str]:
    """The two prompts as the engine has rendered them."""
    prompts = WavPrompts(engine.folder / "flows" / "prompts", engine.folder / "data" / "prompts", renderer=Renderer())
    try:
        first, second = (prompts.locate([Say(text, "en-US")], 30.0)[0] for text in (FIRST, SECOND))
    finally:
        prompts.close()
    return first, second


def add_ways(switch: RealSwitch, tap: Tap, files: tuple[str, str], ports: dict[str, int], module: Path | None) -> bool:
    """Into the configuration of this switch only; whether mod_httapi is to be had."""
    conf = switch.folder / "conf"
    file = conf / "dialplan" / "trunks.xml"
    begin = '<context name="trunks">\n'
    texts = EXTENSIONS.format(first=files[0], second=files[1], **ports)
    file.write_text(file.read_text().replace(begin, begin + texts))
    (conf / "autoload_configs" / "httapi.conf.xml").write_text(HTTAPI_CONF.format(**ports))
    tap.api("reloadxml")
    return module is not None and "+OK" in tap.api(f"load {module}")


class WebServer:
    """Serves the dialogue to mod_httapi, from a process of its own: ``program`` prints its port."""

    def __init__(self, program: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"scripts.benchmarks.{program}", *arguments],
            stdout=subprocess.PIPE, text=True, preexec_fn=as_unit,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def serve(first: str, second: str) -> None:
    """Prints its port. As little as can be: ready answers, found by the path, no framework in between, nothing decided
    and nothing recorded."""
    answers: dict[bytes, bytes] = {}

    def handle(connection, _address) -> None:  # type: ignore[no-untyped-def]
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), 0)
        if b"expect: 100-continue" in head.lower():
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(body) < length:
            body += connection.recv(65536)
        connection.sendall(answers[head.split(b" ", 2)[1].partition(b"?")[0]])
        connection.close()

    server = StreamServer(("127.0.0.1", 0), handle)
    server.start()
    works = {
        b"/first": _PLAY.format(file=first, port=server.server_port, next="second"),
        b"/second": _PLAY.format(file=second, port=server.server_port, next="end"),
        b"/end": "<hangup/>",
    }
    for path, work in works.items():
        text = f'<document type="xml/freeswitch-httapi"><work>{work}</work></document>'.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        answers[path] = head.encode() + text
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(*sys.argv[1:])
