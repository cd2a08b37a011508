"""`cti sms`: what it shows and its exit status."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from cti.cli import main, sms

ROOT = Path(__file__).resolve().parents[2]
FLOW = """\
flow: {name}
start: which
languages: {{default: en-US}}
media: {medium}
inputs: {{caller: "phone?!"}}
nodes:
  which: {{type: menu, say: "BAL, STOP?", keys: {{1: copy, 0: bye}}, words: {{1: BAL, 0: STOP}}, to: {{else: bye}}}}
  copy: {{type: message, recipient: "13900000000", text: a copy, to: {{else: told}}}}
  told: {{type: play, say: "It is 88.", next: which}}
  bye: {{type: end}}
"""


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    for name, medium in (("texts", "sms"), ("busy", "sms")):
        (tmp_path / f"{name}.yaml").write_text(FLOW.format(name=name, medium=medium))
    (tmp_path / "calls.yaml").write_text("flow: calls\nstart: a\nnodes:\n  a: {type: end}\n")
    (tmp_path / "entry.yaml").write_text(
        "entries: [{medium: sms, called: '10086', flow: texts, inputs: {caller: =caller}}]"
    )
    return tmp_path


DIALOGUE = """\
> hello
< BAL, STOP?
> BAL
< (to 13900000000) a copy
< It is 88.
  BAL, STOP?
> stop
  the conversation has ended; another text begins a new one
"""


@pytest.mark.parametrize("how", [[], ["--flow", "texts", "--to", "10000"]])
def test_a_conversation_of_several_texts(flows: Path, how: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sms", "hello", "BAL", "stop", "--flows", str(flows), *how]) == 0
    assert capsys.readouterr().out == DIALOGUE


def test_texts_come_from_standard_input(
    flows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n\nstop\n"))
    assert main(["sms", "--flows", str(flows)]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == ["> hello", "< BAL, STOP?", "> stop"]


def test_the_shipped_flow_tells_the_balance(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["sms", "CXYE"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "> CXYE"
    assert shown[1].startswith("< 您的余额是")


def test_a_text_without_an_answer_is_a_failure(
    flows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sms, "ANSWER_S", 0.2)
    monkeypatch.setattr(sms.Screen, "send", lambda self, recipient, text: False)
    assert main(["sms", "hello", "--flows", str(flows)]) == 1
    assert "no answer within 0.2 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flow", "told"),
    [
        ("calls", "[medium-mismatch] flow 'calls' is made for voice, not for sms (take one of busy, texts)"),
        ("text", "[unknown-flow] there is no flow 'text' (did you mean 'texts'?)"),
    ],
)
def test_mistakes(flows: Path, flow: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sms", "x", "--flow", flow, "--flows", str(flows)]) == 2
    assert told in capsys.readouterr().err


def test_a_sender_is_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sms", "x", "--from", "me"])
    assert "a number such as 13800000000, not 'me'" in capsys.readouterr().err
