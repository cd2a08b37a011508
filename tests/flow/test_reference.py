"""The reference page says what the registry says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cti.boss import DEMO_INTERFACES, WAYS, load_office
from cti.flow.reference import describe, reference
from cti.flow.registry import REGISTRY

PAGE = Path(__file__).parents[2] / "docs" / "flow-language.md"


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_type_has_its_entry(name: str) -> None:
    entry = describe(REGISTRY[name])
    assert entry in PAGE.read_text(encoding="utf-8")
    for option in REGISTRY[name].options.values():
        assert option.doc
    assert REGISTRY[name].doc


def test_the_reference_page_is_made_from_the_registry() -> None:
    """Mend with: scripts/docs"""
    assert PAGE.read_text(encoding="utf-8").endswith(reference(load_office(DEMO_INTERFACES, WAYS).catalog()))


def test_groups_that_the_page_does_not_order_are_on_it_all_the_same() -> None:
    assert {kind.group for kind in REGISTRY.values()} <= set(re.findall(r"^### (.+)$", reference(), re.MULTILINE))


def test_options_are_told_with_their_defaults_as_authors_write_them() -> None:
    told = describe(REGISTRY["menu"])
    assert "| `wait` | duration | `5s` |" in told
    assert "| `reprompt` | {no_input: n, no_match: n} | `{no_input: 1, no_match: 1}` |" in told
    assert "| `keys` | {key: node, …} | required |" in told


def test_what_a_kind_of_value_is_and_what_can_be_asked() -> None:
    told = reference(load_office(DEMO_INTERFACES, WAYS).catalog())
    assert "| duration | `800ms`, `5s`" in told
    assert "| `balance.get` | `msisdn` phone |" in told
    assert "| `achieves` | text |" in told.split("### Kinds of values")[0]
