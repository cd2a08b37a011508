"""The flows of the newcomer's trial (docs/newcomer-trial.md): checked and tested, against the demo's look-ups."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.app import demo_catalog
from cti.flow import Flow, check_closure, compile_plan, load_flow
from cti.flow.flowtests import run_tests

TRIAL = Path(__file__).parent / "trial"
NAMES = sorted(file.stem for file in TRIAL.glob("*.yaml"))


def flows() -> dict[str, Flow]:
    loads = {
        name: load_flow((TRIAL / f"{name}.yaml").read_bytes(), f"{name}.yaml", catalog=demo_catalog()) for name in NAMES
    }
    assert [str(issue) for loaded in loads.values() for issue in loaded.issues] == []
    return {name: loaded.flow for name, loaded in loads.items() if loaded.flow is not None}


def test_the_three_of_the_trial_are_there() -> None:
    assert {"bill_pin", "outage_area", "landline_fault", "three_levels"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_and_every_test_passes(name: str) -> None:
    known = flows()
    assert check_closure(known, {}, name) == []
    results = run_tests(compile_plan(known, {}, name))
    assert results
    assert [str(failure) for result in results for failure in result.failures] == []
