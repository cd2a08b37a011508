"""The reference page says what the registry says."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    assert PAGE.read_text(encoding="utf-8").endswith(reference())
