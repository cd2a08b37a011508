"""The dialogue of `flow.py`, written out in Python: what a programmer would write instead of a flow, as its peer.

A state machine for this one dialogue. It emits the same work, to the last field, and its state, too, is a dict that
JSON can hold; but it checks nothing, knows no failure, hang-up or other language, and only this dialogue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from cti.core import commands as c
from cti.core import events as e
from cti.flow.phrases import Filled, make_say
from cti.flow.speech import say_money

LANGUAGE = "zh-CN"
MAIN, SUB = "查话费请按1，人工请按0。", "本月请按1。"


class ByHand:
    """One call. ``at`` is the node it waits in, empty after the end."""

    def __init__(self, caller: str) -> None:
        self.caller, self.n, self.balance, self.tier, self.last = caller, 0, Decimal(0), "standard", ""
        self.at, self.visit, self.visits, self.ref = "begin", 0, dict[str, int](), 0
        self.sprint: list[Any] = []

    @property
    def ended(self) -> bool:
        return not self.at

    def state(self) -> dict[str, Any]:
        return {
            "caller": self.caller,
            "n": self.n,
            "balance": str(self.balance),
            "tier": self.tier,
            "last": self.last,
            "at": self.at,
            "visit": self.visit,
            "visits": dict(self.visits),
            "ref": self.ref,
        }

    def start(self) -> list[Any]:
        self.sprint = [c.Answer(), c.StartTimer(self._new_ref(), 900.0)]
        self._enter("begin", "set")
        self.n += 1
        self._leave("next")
        self._round()
        return self.sprint

    def feed(self, event: e.Event) -> list[Any]:
        self.sprint = []
        match self.at, event:
            case "who", e.LookupEnded(outcome="ok", values=values):
                self._answered(values)
            case "main", e.DigitPressed(digit="1"):
                self._key()
                self._ask("sub", SUB)
            case "sub", e.DigitPressed(digit="1"):
                self._key()
                self._tell()
            case "tell", e.PlayEnded():
                self._leave("next")
                self._enter("count", "set")
                self.n += 1
                self._leave("next")
                self._round()
        return self.sprint

    def _new_ref(self) -> int:
        self.ref += 1
        return self.ref

    def _enter(self, name: str, kind: str) -> None:
        self.at = name
        self.visit = self.visits[name] = self.visits.get(name, 0) + 1
        self.sprint.append(c.NodeEntered("bench", name, kind, self.visit))

    def _leave(self, exit: str, note: str = "") -> None:
        self.sprint.append(c.NodeLeft("bench", self.at, self.visit, exit, note))

    def _round(self) -> None:
        self._enter("round", "branch")
        if self.n > 25:
            self._leave("case 1")
            self._bye()
            return
        self._leave("default")
        self._enter("who", "lookup")
        self.sprint.append(c.Lookup(self._new_ref(), "subscriber.get", {"msisdn": self.caller}, 3.0))

    def _answered(self, values: Mapping[str, Any]) -> None:
        self.balance, self.tier = Decimal(values["balance"]), values["tier"]
        self._leave("ok", "ok")
        self._enter("rich", "branch")
        if self.balance > 1000 and self.tier == "vip":
            self._leave("case 1")
        else:
            self._leave("default")
            self._enter("note", "set")
            self.last = self.tier
            self._leave("next")
        self._ask("main", MAIN)

    def _ask(self, name: str, text: str) -> None:
        self._enter(name, "menu")
        self.sprint.append(c.Play(self._new_ref(), (c.Say(text, LANGUAGE),)))

    def _key(self) -> None:
        self.sprint.append(c.StopPlay(self.ref))
        self._leave("1", "1")

    def _tell(self) -> None:
        self._enter("month", "branch")
        if self.n == 0:
            self._leave("case 1")
            self._bye()
            return
        self._leave("default")
        self._enter("tell", "play")
        say = make_say(["余额", Filled(say_money(self.balance, LANGUAGE)), "。"], LANGUAGE)
        assert say is not None
        self.sprint.append(c.Play(self._new_ref(), (say,)))

    def _bye(self) -> None:
        self._enter("bye", "end")
        self._leave("end", "done")
        self.sprint += [c.CancelTimer(1), c.Hangup(), c.RunEnded("done", "flow_end", {})]
        self.at = ""


def answer(machine: ByHand, values: Mapping[str, Any]) -> e.Event:
    """The event that brings it on."""
    if machine.at == "who":
        return e.LookupEnded(machine.ref, "ok", values)
    return e.PlayEnded(machine.ref) if machine.at == "tell" else e.DigitPressed("1")


def call(values: Mapping[str, Any], wait: Callable[[ByHand], object], keep: list[Any] | None = None) -> int:
    """One call to its end; how many nodes were entered. ``keep`` gets all that it emitted."""
    machine = ByHand("13800000000")
    sprint = machine.start()
    while True:
        if keep is not None:
            keep += sprint
        if machine.ended:
            return sum(machine.visits.values())
        wait(machine)
        sprint = machine.feed(answer(machine, values))
