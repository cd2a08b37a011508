from __future__ import annotations

import pytest

from cti.core.script import HangUp, Hear, Press, ScriptError, Silence, parse_script, script_json


def test_every_kind_of_step_is_read_and_written_back() -> None:
    raw = ["1", "12#", "star", {"hear": "余额"}, {"silence": "800ms"}, {"silence": 2}, {"press": "0"}, 7, "hangup"]
    steps = parse_script(raw)
    assert steps == [
        Press("1"),
        Press("12#"),
        Press("*"),
        Hear("余额"),
        Silence(0.8),
        Silence(2.0),
        Press("0"),
        Press("7"),
        HangUp(),
    ]
    assert parse_script(script_json(steps)) == steps


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("12", "a script is a list of steps"),
        ([{"say": "hello"}], "step 1: {'say': 'hello'} is no step"),
        (["1", "A"], "step 2: 'A' is neither keys"),
        ([True], "step 1: True is no step"),
        ([{"silence": "5 s"}], "silence takes a duration such as 800ms"),
        ([{"silence": -1}], "silence takes a duration"),
        ([{"hear": ""}], "is no step"),
        (["1" * 65], "is neither keys"),
        (["1"] * 501, "at most 500 steps, not 501"),
        ([{"hear": "a", "press": "1"}], "is no step"),
    ],
)
def test_a_step_that_nobody_can_do_is_named(raw: object, said: str) -> None:
    with pytest.raises(ScriptError, match=r"script|step") as refused:
        parse_script(raw)
    assert said in str(refused.value)
