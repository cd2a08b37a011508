"""The tests that flows carry, as pytest items: ``pytest ivr_flows/`` runs them, in a team's own CI as here.

Settings (in pytest's ini file): ``cti_flows``, the folders of flows (default ``ivr_flows``); ``cti_interfaces``, the
interface server's file, which declares what they may ask (default: the demo's). A folder is loaded and checked once,
when it is met first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.core.errors import CtiError
    from cti.flow import Plan
    from cti.flow.flowtests import TestResult
    from cti.flow.model import FlowTest

NO_FLOWS = ("entry", "queues", "notices")  # files beside the flows that are none
_LOADED: pytest.StashKey[dict[Path, dict[str, Plan] | CtiError]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("cti_flows", "folders of flows whose tests are run (default: ivr_flows)", type="paths", default=None)
    parser.addini("cti_interfaces", "the interface server's file (default: the demo's)", type="string", default="")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> FlowFile | None:
    """A flow is a YAML file directly in one of the folders."""
    if file_path.suffix != ".yaml" or file_path.stem in NO_FLOWS or file_path.parent not in _folders(parent.config):
        return None
    return FlowFile.from_parent(parent, path=file_path)


def _folders(config: pytest.Config) -> list[Path]:
    return [Path(folder).resolve() for folder in config.getini("cti_flows") or [config.rootpath / "ivr_flows"]]


def _plans(config: pytest.Config, folder: Path) -> dict[str, Plan] | CtiError:
    """The plans of a folder by flow, or what keeps it from being loaded."""
    loaded = config.stash.setdefault(_LOADED, {})
    if folder not in loaded:
        loaded[folder] = _load(config, folder)
    return loaded[folder]


def _load(config: pytest.Config, folder: Path) -> dict[str, Plan] | CtiError:
    # Imported here: pytest loads this module at every start, also where no flow is tested.
    from cti.boss import DEMO_INTERFACES, WAYS, load_office
    from cti.core.errors import CtiError
    from cti.runtime.library import load_folder

    named, here = config.getini("cti_interfaces"), config.invocation_params.dir
    shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
    try:
        plan = load_office(config.rootpath / named if named else DEMO_INTERFACES, WAYS)
        return dict(load_folder(shown, plan.catalog()).plans)
    except CtiError as error:
        return error


class FlowFile(pytest.File):
    """One flow; its items are its tests."""

    def collect(self) -> Iterator[FlowItem]:
        plans = _plans(self.config, self.path.parent)
        if not isinstance(plans, dict):
            issues = getattr(plans, "issues", [])
            mine = [issue for issue in issues if Path(issue.place.file).resolve() == self.path.resolve()] or issues
            raise self.CollectError("\n".join(map(str, mine)) or str(plans))
        plan = plans[self.path.stem]
        for test in plan.flows[plan.root].tests:
            yield FlowItem.from_parent(self, name=test.name, plan=plan, test=test)


class FlowTestFailed(Exception):
    """Carries the result to `FlowItem.repr_failure`."""

    def __init__(self, result: TestResult) -> None:
        super().__init__(str(result.failures[0]))
        self.result = result


class FlowItem(pytest.Item):
    def __init__(self, *, plan: Plan, test: FlowTest, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan, self.test = plan, test

    def runtest(self) -> None:
        from cti.flow.flowtests import run_test

        result = run_test(self.plan, self.test)
        if not result.passed:
            raise FlowTestFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The failures with their places, and the call in two columns."""
        if isinstance(excinfo.value, FlowTestFailed):
            result = excinfo.value.result
            return "\n".join([*map(str, result.failures), result.table()])
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.test.place.line - 1, f"flow {self.plan.root}: {self.name}"
