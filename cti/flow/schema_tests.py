"""The ``tests:`` of a flow, for editors."""

from __future__ import annotations

from typing import Any

from cti.flow.kinds import SCALAR, Duration, Flag
from cti.flow.load_tests import BARE, EXPECT, SCRIPT, TEST
from cti.flow.schema_parts import closed, described, listed

_STEPS: dict[str, dict[str, Any]] = {
    "hear": described(SCALAR, "go on when a prompt with this text begins"),
    "not_hear": described(SCALAR, "it was not said since the last `hear`"),
    "press": described(SCALAR, "keys: 1 star 2#"),
    "say": described(SCALAR, "what the caller says, where `speech` of a collect listens"),
    "text": described(SCALAR, "what the caller writes, in an SMS or a chat"),
    "silence": described(Duration.schema, "wait until nothing is being said, then so long"),
    "wait": described(Duration.schema, "so long, whatever is said"),
    "hangup": described({}, "the caller hangs up"),
    "limit": described({}, "the time limit of the call is reached"),
}
_EXPECTED: dict[str, dict[str, Any]] = {
    "at": described(SCALAR, "the node reached; flow.node for one of a subflow"),
    "queue": described(SCALAR, "the queue entered last"),
    "within": described(Duration.schema, "the longest time until `at`, or until the end"),
    "outcome": described(SCALAR, "the flow's outcome; the call goes on to its end"),
    "reason": described(SCALAR, "why the call ended"),
    "error": described(SCALAR, "the code of the error that happened"),
    "goals": described({"type": "array", "items": SCALAR}, "the goals reached, in order"),
    "visited": described(listed(SCALAR), "nodes that were visited"),
    "not_visited": described(listed(SCALAR), "nodes that were not visited"),
    "transfer": described(SCALAR, "the target of the last transfer"),
    "message": described(SCALAR, "a part of a message that was sent"),
    "variables": described({"type": "object"}, "variables and their values at the end"),
    "language": described(SCALAR, "the language at the end"),
}
_PARTS: dict[str, dict[str, Any]] = {
    "name": described(SCALAR, "what must hold, in words"),
    "given": described({"type": "object"}, "inputs, now, language; and what is outside: a look-up, a queue, …"),
    "strict": described(Flag.schema, "`hear` passes over no prompt", default=False),
}


def tests_schema() -> dict[str, Any]:
    """Words that have no description here yet are taken all the same."""
    steps = {name: _STEPS.get(name, {}) for name in SCRIPT}
    bare = {"enum": list(BARE)}
    own = {
        "script": described(
            {"type": "array", "items": {"anyOf": [bare, closed(steps)]}}, "what the caller hears and does, in order"
        ),
        "expect": described(closed({name: _EXPECTED.get(name, {}) for name in EXPECT}), "what must have come of it"),
    }
    parts = {name: own.get(name) or _PARTS.get(name, {}) for name in TEST}
    return described({"type": "array", "items": closed(parts, required=("expect",))}, "calls that must go as written")
