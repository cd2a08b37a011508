"""Text through the switch's variable expansion, against a transcription of the switch's own code."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cti.esl import EslError, expand, safe_argument
from cti.esl.expansion import API_DENIED, EXPANDED_ONCE, is_expanded, literal
from tests.esl.switch_model import ALIVE, expand_variables, has_escaped_data, var_check

# Dense in everything that means something to the switch.
LOADED = st.text(alphabet=st.sampled_from(list("\\${}$$\\\\{n't s()[%:a")), max_size=24)
TEXT = st.one_of(LOADED, st.text(max_size=40))


@given(TEXT)
def test_is_expanded_agrees_with_the_switch(text: str) -> None:
    text = text.replace("\0", "")
    assert is_expanded(text) == (var_check(text) or has_escaped_data(text))


@given(TEXT)
@example("${system(id)}")
@example("$${hostname}")
@example("\\${x}")
@example("\\\\${x}")
@example("$\\{x}")
@example("a\\")
@example("$")
@example("$$")
@example("\\$\\$ ${a${b}}")
@example("it\\'s")
@example("C:\\new\\\\x")
def test_literal_text_reaches_the_application_unchanged(text: str) -> None:
    text = text.replace("\0", "")
    if re.match(r"%.?\[", text, re.DOTALL) or ("phrase:" in text and var_check(text)):
        with pytest.raises(EslError, match="unsafe-text"):
            literal(text)
        return
    argument = literal(text)
    assert expand_variables(argument) == text
    assert ALIVE not in expand_variables(argument)
    assert expand(argument, lambda _: pytest.fail("a live reference")) == text


@given(LOADED)
def test_expand_is_the_switchs_own(text: str) -> None:
    """The embedded switch's expansion, with a value for each reference that is not a call."""
    ours = expand(text, lambda _: ALIVE).replace(API_DENIED, ALIVE)
    assert ours == expand_variables(text)


@pytest.mark.parametrize("application", ["set", "export", "bridge", "conference", "transfer", "lua", "unheard_of"])
def test_references_are_refused_where_they_may_be_expanded_again(application: str) -> None:
    assert application not in EXPANDED_ONCE
    with pytest.raises(EslError) as refused:
        safe_argument("name=${system(id)}", application)
    assert refused.value.code == "unsafe-text"
    assert safe_argument("price=5$", application) == "price=5$"


@pytest.mark.parametrize("text", ["%[a=b]x", "%^[a=b]x", "%[", "%x["])
def test_text_that_would_set_channel_variables_is_refused(text: str) -> None:
    with pytest.raises(EslError) as refused:
        safe_argument(text)
    assert refused.value.code == "unsafe-text"


def test_phrase_macros_expand_again() -> None:
    with pytest.raises(EslError):
        safe_argument("phrase:greet:${system(id)}")


def test_expand_variables_of_a_channel() -> None:
    values = {"name": "Ann", "uuid": "0123456789", "nested": "${name}!"}
    assert [
        expand(text, values.get)
        for text in ("${name}", "hi ${nested}", "${uuid:3}", "${uuid:-3}", "${uuid:2:4}", "${none}", "${system(id)}")
    ] == ["Ann", "hi Ann!", "3456789", "789", "2345", "", API_DENIED]


def test_expansion_that_feeds_itself_ends() -> None:
    assert expand("${loop}", {"loop": "${loop}"}.get) == "${loop}"
