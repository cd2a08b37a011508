"""A spoken answer on a real switch: sound on the line, mod_test for a recogniser, a value in the flow.

mod_test (of FreeSWITCH's own tests) notices that somebody speaks, and answers what it is told to.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .engine import EngineProcess
from .media import SILENCE
from .switch import RealSwitch
from .ua import Phone

pytestmark = pytest.mark.real

VOICE = (b"\x8f" * 8 + b"\x0f" * 8) * 10  # 500 Hz, one frame in PCMU
SPEECH = """
speech:
  engine: test
  params: {result: 幺三八零零一三八零零零, confidence: "90", vad-silence-ms: "300"}
"""
SAID = """
flow: said
start: number
languages: {default: zh-CN}
vars: {msisdn: "phone(mobile)?"}
nodes:
  number:
    type: collect
    say: {tone: "%(300,0,440)"}
    save: msisdn
    wait: 2s
    reprompt: {no_input: 0, no_match: 0}
    speech: {confidence: 60}
    to: {filled: right, no_input: silent, else: wrong}
  right: {type: branch, cases: [{when: "default(msisdn, '') == '13800138000'", to: known}], default: wrong}
  known: {type: end, outcome: known}
  silent: {type: end, outcome: silent}
  wrong: {type: end, outcome: wrong}
"""
BUSY = "flow: busy\nstart: bye\nlanguages: {default: zh-CN}\nnodes:\n  bye: {type: end, outcome: busy}\n"
NUMBER = "7010"


@pytest.fixture(scope="module")
def engine(real_switch: RealSwitch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    with real_switch.tap("HEARTBEAT") as tap:
        if tap.api("module_exists mod_test") != "true":
            tap.api("load mod_test")
        if tap.api("module_exists mod_test") != "true":
            pytest.skip("the real switch has no mod_test: make -C src/mod/applications/mod_test of its sources")
    folder = tmp_path_factory.mktemp("speech")
    flows = folder / "flows"
    (flows / "prompts").mkdir(parents=True)
    (flows / "said.yaml").write_text(SAID, encoding="utf-8")
    (flows / "busy.yaml").write_text(BUSY, encoding="utf-8")
    entry = f'entries:\n  - {{name: said, medium: voice, called: "{NUMBER}", flow: said}}\n'
    (flows / "entry.yaml").write_text(entry, encoding="utf-8")
    running = EngineProcess(real_switch, folder)
    with running.config.open("a", encoding="utf-8") as config:
        config.write(SPEECH)
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize(("speaks", "outcome"), [(True, "known"), (False, "silent")])
def test_what_is_said(engine: EngineProcess, real_switch: RealSwitch, speaks: bool, outcome: str) -> None:
    before = len(engine.calls())
    with real_switch.tap("MEDIA_BUG_START DETECTED_SPEECH") as tap, Phone("13800000001") as phone:
        dialog = phone.call(NUMBER, real_switch.conf.trunks_port)
        dialog.wait_answered()
        tap.wait_name("MEDIA_BUG_START", Media_Bug_Function="detect_speech")
        if speaks:
            dialog.media.voice = VOICE
            tap.wait_name("DETECTED_SPEECH", Speech_Type="begin-speaking")
            dialog.media.voice = SILENCE
        dialog.wait_finished(20)
        (latest, *_) = engine.finished(before + 1, 20)
    assert latest["outcome"] == outcome
