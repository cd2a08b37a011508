"""What engines answer: NLSML old and new, JSON, completion causes, and rubbish."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.switch.speech.results import Outcome, Result, read_result
from tests.switch.embedded.reading import messages
from tests.transcripts import streams

MRCP = 'xmlns="urn:ietf:params:xml:ns:mrcpv2"'


def nlsml(inside: str, about: str = MRCP) -> str:
    return f'<?xml version="1.0"?><result {about}>{inside}</result>'


#: RFC 6787, 6.3.1, shortened.
RFC = nlsml(
    '<interpretation><instance name="Person"><ex:Person xmlns:ex="http://www.example.com/example"><ex:Name> Andre Roy '
    "</ex:Name></ex:Person></instance><input>   may I speak to Andre Roy </input></interpretation>",
    f'{MRCP} grammar="http://theYesNoGrammar"',
)
#: mod_pocketsphinx of the switch: W3C's draft, in percent.
POCKETSPHINX = """<result grammar="digits">
  <interpretation grammar="digits" confidence="87">
    <input mode="speech">one three eight</input>
  </interpretation>
</result>"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (RFC, Result(Outcome.MATCH, "Andre Roy", 1.0)),
        (POCKETSPHINX, Result(Outcome.MATCH, "one three eight", 0.87)),
        (
            nlsml('<interpretation confidence="0.6"><instance>138</instance><input>一三八</input></interpretation>'),
            Result(Outcome.MATCH, "138", 0.6),
        ),
        (
            nlsml('<interpretation><instance/><input mode="speech" confidence="0.4">yes</input></interpretation>'),
            Result(Outcome.MATCH, "yes", 0.4),
        ),
        (
            nlsml("<interpretation><instance><a>1</a><b>2</b></instance><input>one two</input></interpretation>"),
            Result(Outcome.MATCH, "one two", 1.0),
        ),
        (
            nlsml(
                '<interpretation confidence="0.3"><input>five</input></interpretation>'
                '<interpretation confidence="0.8"><input>nine</input></interpretation>'
            ),
            Result(Outcome.MATCH, "nine", 0.8),
        ),
        (nlsml("<interpretation><input><nomatch/></input></interpretation>"), Result(Outcome.NO_MATCH)),
        (nlsml("<interpretation><input><noinput/></input></interpretation>"), Result(Outcome.NO_INPUT)),
        ("Completion-Cause: 001", Result(Outcome.NO_MATCH)),
        ("Completion-Cause: 002", Result(Outcome.NO_INPUT)),
        ("Completion-Cause: 015", Result(Outcome.NO_MATCH)),
        ("Completion-Cause: 006", Result(Outcome.BROKEN, problem="completion cause 006")),
        ("Completion-Cause: 010", Result(Outcome.BROKEN, problem="completion cause 010")),
        ('{"text": "一 三 八"}', Result(Outcome.MATCH, "一 三 八", 1.0)),
        ('{"text": "x", "confidence": 87.3}', Result(Outcome.MATCH, "x", 0.873)),
        ('{"text": "", "confidence": 0, "error": "no_input"}', Result(Outcome.NO_INPUT)),
        ('{"error": "no_match"}', Result(Outcome.NO_MATCH)),
        ('{"error": "out of memory"}', Result(Outcome.BROKEN, problem="the engine says out of memory")),
        ('{"text": "a b", "result": [{"conf": 0.9}, {"conf": 0.5}]}', Result(Outcome.MATCH, "a b", 0.5)),
        ('{"text": ""}', Result(Outcome.NO_MATCH)),
        ('{"text": 5}', Result(Outcome.NO_MATCH)),
        ("", Result(Outcome.NO_MATCH)),
        ("<result", Result(Outcome.BROKEN, problem="XML that cannot be read")),
        ("{", Result(Outcome.BROKEN, problem="JSON that cannot be read")),
        ("hello", Result(Outcome.BROKEN, problem="a result that is neither NLSML nor JSON")),
    ],
)
def test_bodies(body: str, expected: Result) -> None:
    assert read_result(body) == expected


def test_entities_are_not_expanded() -> None:
    inside = "<result><interpretation><input>&b;</input></interpretation></result>"
    bomb = '<?xml version="1.0"?><!DOCTYPE result [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>' + inside
    assert read_result(bomb).outcome is Outcome.BROKEN
    assert read_result(nlsml("x" * 70_000)).outcome is Outcome.BROKEN


@pytest.mark.parametrize(
    ("told", "scale", "expected"),
    [("1", "auto", 1.0), ("1", "percent", 0.01), ("50", "auto", 0.5), ("0.5", "fraction", 0.5), ("2", "fraction", 1.0)]
    + [(rubbish, "auto", 0.0) for rubbish in ("nan", "-1", "inf", "x")],
)
def test_confidence(told: str, scale: str, expected: float) -> None:
    body = nlsml(f'<interpretation confidence="{told}"><input>a</input></interpretation>')
    assert read_result(body, scale=scale).confidence == expected


def test_the_completion_cause_of_the_headers_comes_first() -> None:
    body = nlsml("<interpretation><input>a</input></interpretation>")
    assert read_result(body, "001").outcome is Outcome.NO_MATCH
    assert read_result(body, "000").outcome is Outcome.MATCH


@given(st.one_of(st.text(max_size=200), st.text(alphabet='<>{}[]"/=:, aresultinpxcof01', max_size=200)))
def test_any_text_is_a_result_of_some_kind(body: str) -> None:
    for text in (body, f"<result>{body}</result>", f'{{"text": {body}}}'):
        result = read_result(text)
        assert 0 <= result.confidence <= 1
        assert bool(result.text) == (result.outcome is Outcome.MATCH)


def test_a_recorded_conversation_is_read() -> None:
    bodies = [message.body.partition("\n\n")[2] for message in messages(streams("in_detect_speech")[1])]
    found = [read_result(body).outcome for body in bodies if body.startswith("{") and "inline:" not in body]
    assert found == [Outcome.NO_INPUT] * 4
