"""docs/embedded-switch.md says what is true."""

from __future__ import annotations

import re
from pathlib import Path

import cti.switch.embedded.commands  # noqa: F401 - registers the API commands
from cti.switch.embedded.api import COMMANDS
from cti.switch.embedded.apps import APPLICATIONS
from tests.switch.embedded.situations import situations
from tests.transcripts import paths

TEXT = (Path(__file__).parents[3] / "docs" / "embedded-switch.md").read_text(encoding="utf-8")


def section(start: str, end: str) -> set[str]:
    """Words in code marks between two headings."""
    part = TEXT.partition(start)[2].partition(end)[0]
    return set(re.findall(r"`([^`\n]+)`", part))


def recordings_in(start: str, end: str) -> set[str]:
    rows = TEXT.partition(start)[2].partition(end)[0]
    cells = "".join(row.rpartition(" | ")[2] for row in rows.splitlines() if row.startswith("|"))
    return set(re.findall(r"`((?:in|out)_\w+)`", cells))


def test_covered_recordings_are_those_that_are_compared() -> None:
    compared = {situation.file for situation in situations()} | {"in_api_misc"}  # test_api.py
    assert recordings_in("## What it covers", "Of `in_originate`") == compared


def test_every_recording_is_either_covered_or_said_not_to_be() -> None:
    covered = recordings_in("## What it covers", "Of `in_originate`")
    left_out = recordings_in("## Not implemented", "Further:")
    assert covered & left_out == set()
    assert covered | left_out == {path.stem for path in paths()}


def test_applications_and_commands_are_listed_completely() -> None:
    assert section("\nApplications:", "Any other") == set(APPLICATIONS)
    assert section("\nAPI:", "\nDial strings") == set(COMMANDS)


def test_contract_tests_are_named_completely() -> None:
    rows = TEXT.partition("## What it covers")[2].partition("Of `in_originate`")[0]
    named = set(re.findall(r"`(test_\w+)`", rows))
    there = {path.stem for path in (Path(__file__).parents[2] / "contract").glob("test_*.py")}
    assert named == {name for name in there if not name.startswith("test_bus")}  # the bus of a cluster has no switch
