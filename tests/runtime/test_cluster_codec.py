"""What goes between the processes comes out as it went in, and nothing can be ordered that is no order."""

from __future__ import annotations

import inspect
import typing
from dataclasses import fields, is_dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.core import legs as l
from cti.core.commands import Say
from cti.ports import LegControl
from cti.runtime.cluster.codec import ENUMS, WORDS, pack, unpack
from cti.runtime.cluster.leg_server import ORDERS
from cti.runtime.cluster.remote_legs import RemoteLegs

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
#: Where the types alone do not tell what a value may be.
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "address": st.sampled_from(["user/1001", "number/+8613800138000", "sip/anna@10.0.0.5:5070"]),
    "remote_answer": st.sampled_from(l.REMOTE_ANSWERS),
    "done": st.none(),
    "relax": st.lists(st.tuples(st.floats(0, 900), st.dictionaries(TEXT, st.integers(0, 9)))).map(tuple),
    "pieces": st.just(()),
    "whisper": st.lists(st.builds(Say, TEXT, TEXT)).map(tuple),
    "skills": st.dictionaries(TEXT, st.integers(0, 9)),
    "attributes": st.dictionaries(TEXT, TEXT),
    "agents": st.lists(st.tuples(TEXT, TEXT)).map(tuple),
    "values": st.lists(TEXT).map(tuple),
    "item": st.none(),
    "fields": st.just(()),
}
PLAIN = {str: TEXT, int: st.integers(-(2**31), 2**31), float: st.floats(allow_nan=False, allow_infinity=False)}


def strategy(kind: type[Any]) -> st.SearchStrategy[Any]:
    found = {}
    for one in fields(kind):
        if one.name in SPECIAL:
            found[one.name] = SPECIAL[one.name]
            continue
        words = str(one.type)
        known = next((name for name in ENUMS if name.__name__ in words), None)
        nested = next((word for word in WORDS if word.__name__ == words), None)
        if known is not None:
            value: st.SearchStrategy[Any] = st.sampled_from(list(known))
        elif nested is not None:
            value = strategy(nested)
        elif words == "bool":
            value = st.booleans()
        else:
            value = next(PLAIN[plain] for plain in PLAIN if plain.__name__ in words)
        found[one.name] = st.none() | value if "None" in words else value
    return st.builds(kind, **found)


@pytest.mark.parametrize("kind", WORDS, ids=lambda kind: kind.__name__)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_word_comes_back_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    word = data.draw(strategy(kind))
    assert unpack(orjson.loads(orjson.dumps(pack(word)))) == word


def test_what_stands_in_a_word_is_a_word_too() -> None:
    """A dataclass that a field names and that has no codec would become text."""
    missing = set()
    for kind in WORDS:
        module = inspect.getmodule(kind)
        for one in fields(kind):
            for name in set(str(one.type).replace("[", " ").replace("]", " ").replace("|", " ").split()):
                named = getattr(module, name.strip(","), None)
                if inspect.isclass(named) and is_dataclass(named) and named not in WORDS:
                    missing.add(f"{kind.__name__}.{one.name}: {named.__name__}")
    assert missing == set()


def test_every_event_of_a_leg_is_a_word() -> None:
    assert set(typing.get_args(l.LegEvent)) <= set(WORDS)


def test_every_method_of_the_port_can_be_ordered_from_afar() -> None:
    port = {name for name, _ in inspect.getmembers(LegControl, inspect.isfunction) if not name.startswith("_")}
    assert {name for name in port if not hasattr(RemoteLegs, name)} == set()
    for name in port:
        here, there = (list(inspect.signature(getattr(one, name)).parameters) for one in (LegControl, RemoteLegs))
        assert here == there
    asked = {"attach", "check", "registered"}  # answered where they are asked, or a question
    recordings = {"start_recording", "pause_recording", "mask_recording", "stop_recording"}  # refused
    assert set(ORDERS) == port - asked - recordings
