"""Grammars by type: valid SRGS, and whatever one accepts is understood."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cti.core.commands import Listen
from cti.core.errors import CtiError
from cti.flow import types as t
from cti.flow.dictation import is_no, is_yes, understand
from cti.flow.nodes.written import parse_text
from cti.switch.embedded.asr import split_words
from cti.switch.speech import Engine
from cti.switch.speech.requests import write_file
from cti.switch.speech.srgs import NAMESPACE, Alt, Ref, Rep, Rule, Rules, Seq, grammar_rules, write_grammar

TYPES = ("phone", "text", "int", "decimal", "date", "time")
LANGUAGES = ("zh-CN", "en-US")


@st.composite
def sentences(draw: st.DrawFn, rules: Rules, rule: Rule) -> str:
    if isinstance(rule, Ref):
        return draw(sentences(rules, rules[rule.name]))
    if isinstance(rule, Alt):
        return draw(sentences(rules, draw(st.sampled_from(rule.choices))))
    if isinstance(rule, Seq):
        return " ".join(filter(None, [draw(sentences(rules, part)) for part in rule.parts]))
    if isinstance(rule, Rep):
        times = draw(st.integers(rule.least, min(rule.most, rule.least + 5)))
        return " ".join(filter(None, [draw(sentences(rules, rule.item)) for _ in range(times)]))
    return rule


def a_sentence(expects: str, language: str) -> st.SearchStrategy[str]:
    found = grammar_rules(expects, language)
    assert found is not None
    root, rules = found
    return sentences(rules, rules[root])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", TYPES)
@settings(max_examples=30)
@given(data=st.data())
def test_what_a_grammar_accepts_is_understood(kind: str, language: str, data: st.DataObject) -> None:
    said = data.draw(a_sentence(kind, language))
    for spelled in (said, said.replace(" ", "")) if language == "zh-CN" else (said,):
        written = understand(t.Type(kind), spelled, language)
        if kind == "date" and written == spelled:
            days = ("三 十", "三十", "二 十 九", "二十九", "thirt", "twenty ninth")  # of which not every month has one
            assert any(day in spelled for day in days), spelled
        elif kind == "phone" and not 2 <= len(written) <= 20:
            assert written.isdigit()
        else:
            assert parse_text(t.Type(kind), written) is not None, (spelled, written)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=20)
@given(data=st.data())
def test_an_answer_is_yes_or_no(language: str, data: st.DataObject) -> None:
    said = data.draw(a_sentence("yes_no", language))
    text = said.replace(" ", "") if language == "zh-CN" else said
    assert is_yes(text, language) != is_no(text, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [*TYPES, "phone(mobile)", "yes_no"])
def test_documents(kind: str, language: str) -> None:
    text = write_grammar(kind, language)
    assert text is not None
    assert "\n" not in text
    root = ElementTree.fromstring(text)
    assert root.tag == f"{{{NAMESPACE}}}grammar"
    assert (root.get("version"), root.get("mode")) == ("1.0", "voice")
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == language
    rules = {rule.get("id"): rule for rule in root}
    assert rules[root.get("root")].get("scope") == "public"
    refs = {ref.get("uri", "").removeprefix("#") for ref in root.iter(f"{{{NAMESPACE}}}ruleref")}
    assert refs == rules.keys() - {root.get("root")}


def test_words_of_an_enum() -> None:
    found = grammar_rules("enum[流量, 5G 套餐]", "zh-CN", ("流量", "5G 套餐"))
    assert found == ("words", {"words": Alt(("流 量", "5G 套 餐"))})
    text = write_grammar("enum[a&b]", "en-US", ("a<b",))
    assert text is not None
    assert "a&lt;b" in text


def test_no_grammar_for_other_languages_and_types() -> None:
    assert write_grammar("int", "fr-FR") is None
    assert write_grammar("duration", "zh-CN") is None
    assert write_grammar("enum[oui]", "fr-FR", ("oui",)) is not None


# ---- what is sent to the switch --------------------------------------------------------------------------------------


def listen(expects: str = "phone", language: str = "zh-CN", words: tuple[str, ...] = ()) -> Listen:
    return Listen(1, expects, language, words, 5.0, 10.0)


@pytest.mark.parametrize(
    ("engine", "wanted", "told"),
    [
        (
            Engine("unimrcp", grammar="builtin", profile="nuance"),
            listen(),
            ["builtin:speech/digits?language=zh-CN", "digits", "nuance"],
        ),
        (Engine("vosk", grammars={"digits": "any"}), listen(), ["any", "digits"]),
        (Engine("unimrcp", grammar="builtin"), listen("yes_no"), ["builtin:speech/boolean?language=zh-CN", "yes_no"]),
        (
            Engine("x", grammar="builtin", languages={"zh-CN": "cmn"}),
            listen("date"),
            ["builtin:speech/date?language=cmn", "date"],
        ),
    ],
)  # fmt: skip
def test_requests(engine: Engine, wanted: Listen, told: list[str]) -> None:
    argument = engine.argument(wanted)
    assert argument is not None
    name, text, *rest = split_words(argument)
    params, _, grammar = text.removeprefix("{").partition("}")
    assert (name, [grammar, *rest]) == (engine.name, told)
    language = engine.language(wanted.language)
    assert params.split(",") == [
        "start-input-timers=true", "no-input-timeout=5000", "recognition-timeout=10000", "speech-timeout=10000",
        f"speech-language={language}",
    ]  # fmt: skip


@settings(max_examples=40)
@given(st.text(alphabet=st.characters(exclude_characters="{}=,\n\r\0", exclude_categories=("Cs",)), max_size=30))
@example("it's")
@example("a\\b")
@example("\\'")
@example("one two")
def test_parameters_arrive_as_they_are_written(value: str) -> None:
    argument = Engine("x", grammar="inline", params={"result": value}).argument(listen("yes_no"))
    assert argument is not None
    words = split_words(argument)
    assert len(words) == 3
    assert f"result={value}}}inline:<?xml" in words[1] or not value


def test_a_language_that_the_engine_does_not_know() -> None:
    assert Engine("x", languages={"en-US": "en"}, grammar="inline").argument(listen()) is None
    assert Engine("x", grammar="inline").argument(listen(language="fr-FR")) is None


def test_grammar_files(tmp_path) -> None:  # type: ignore[no-untyped-def]
    engine = Engine("x", folder=tmp_path / "grammars")
    argument = engine.argument(listen())
    assert argument == engine.argument(listen("phone(mobile)"))
    assert argument is not None
    (file,) = (tmp_path / "grammars").iterdir()
    assert f"}}{file} digits" in argument
    assert file.read_text(encoding="utf-8") == write_grammar("phone", "zh-CN")
    assert file.stat().st_mode & 0o777 == 0o644
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(CtiError, match="cannot be written") as caught:
        write_file(blocked / "below", "x")
    assert caught.value.code == "unwritable-folder"
