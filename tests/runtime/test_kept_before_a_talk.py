"""A call that is found in a talk, and was kept last before it: the store was away when the engine was killed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cti.core.calls import Caller, NewCall
from cti.runtime.durable.taking_up import TakingUp
from cti.runtime.resuming import Resuming


@pytest.mark.parametrize(
    ("waits_for", "talking", "goes_on"),
    [
        ({"fax"}, True, False),  # it would have failed by now, and the flow hung up in the midst of the talk
        ({"timer", "play"}, True, False),
        (set(), True, False),
        ({"queue", "timer"}, True, True),
        ({"transfer"}, True, True),
        ({"timer", "play"}, False, True),
    ],
)
def test_its_flow_does_not_go_on_beside_the_talk(
    monkeypatch: pytest.MonkeyPatch, waits_for: set[str], talking: bool, goes_on: bool
) -> None:
    did: list[str] = []
    any_of: Any = SimpleNamespace
    found = any_of(
        waits_for=frozenset(waits_for),
        run=any_of(waiting={"node": "main"}),
        seconds=3.0,
        go_on=lambda _at: did.append("goes on"),
        restore_channel=lambda *_: None,
        begin_again=lambda *_: did.append("begins again"),
    )
    monkeypatch.setattr(TakingUp, "of", lambda *_: found)
    at = any_of(ending=any_of(gone=False, closed=False), run=any_of(ended=False))
    services = any_of(durable=any_of(taken=lambda uuid: did.append(f"taken {uuid}")))
    call = NewCall("c1", "fs", Caller("13800000000", "", "95"), adopted=True, talking=talking)
    nothing: Any = None
    resuming = Resuming(
        call, at, services, nothing, nothing, nothing, None, nothing, lambda _event: did.append("fed"), nothing
    )
    assert resuming.begins(any_of()) is False
    assert (resuming.released, at.ending.closed) == (not goes_on, not goes_on)
    assert did == ["goes on", "fed", "begins again"] * goes_on + ["taken c1"]
