"""How often each invariant had something to look at, and each fault was made, over all seeds of a run."""

from __future__ import annotations

from collections import Counter

#: Over a hundred seeds or more each of these comes up: where one does not, nothing was proven of it.
LOOKED_AT = (
    "offers",
    "agents at a contact",
    "channels",
    "bridges over an engine's end",
    "places over an engine's end",
    "records over an engine's end",
    "engines fenced off",
    "words of engines fenced off",
    "records",
    "records of conversations",
    "replays",
    "writes",
    "writes asked for again",
)
FAULTS = (
    "engine killed",
    "engine handed over",
    "engine stopped",
    "engine taken over",
    "switch restarted",
    "links cut",
    "network silent",
    "store locked",
    "store full",
    "clock set",
)
HAPPENED = (
    "fax machine calls",
    "text written",
    "agent: answer a text",
    "store gathers for 0.02 s",
    "store gathers for 0.05 s",
    "store gathers for 0.1 s",
)
EXPECTED = (*(f"looked at: {what}" for what in LOOKED_AT), *(f"fault: {what}" for what in FAULTS), *HAPPENED)


def told(counts: Counter[str]) -> list[str]:
    """One line for each that is expected; how often it was met."""
    return [f"{counts[what]:8} {what}" for what in EXPECTED]


def missing(counts: Counter[str]) -> list[str]:
    """What never came up."""
    return [f"never in this run: {what}" for what in EXPECTED if not counts[what]]
