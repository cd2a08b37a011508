"""Where the plan of a replay comes from: today's files, a file of choice, the texts that the history kept."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from cti.app import demo_catalog
from cti.core.errors import CtiError
from cti.runtime.library import FlowsRefused
from cti.runtime.replays import ReplayPlans

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW = "欢迎致电客户服务热线。", "您好。"


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "ivr_flows", tmp_path / "flows")
    return tmp_path / "flows"


def plans(folder: Path, kept: Mapping[tuple[str, str], Mapping[str, str]] | None = None) -> ReplayPlans:
    return ReplayPlans(folder, demo_catalog(), lambda flow, version: (kept or {}).get((flow, version)))


def texts(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.glob("*.yaml") if file.stem not in ("entry", "notices")}


def test_todays_version_is_found_without_the_history(flows: Path) -> None:
    found = plans(flows)
    today = found.today("hotline")
    assert found.find("hotline", today.version) is today


def test_an_earlier_version_is_made_again_from_its_texts(flows: Path) -> None:
    before = plans(flows).today("hotline")
    kept = {name: text for name, text in texts(flows).items() if name.removesuffix(".yaml") in before.flows}
    file = flows / "hotline.yaml"
    file.write_text(file.read_text().replace(OLD, NEW))
    found = plans(flows, {("hotline", before.version): kept})
    assert found.today("hotline").version != before.version
    again = found.find("hotline", before.version)
    assert again is not None
    assert again.version == before.version


def test_a_version_that_is_not_kept_or_is_another_one_is_none(flows: Path) -> None:
    assert plans(flows).find("hotline", "f" * 64) is None
    assert plans(flows, {("hotline", "f" * 64): texts(flows)}).find("hotline", "f" * 64) is None
    assert plans(flows, {("hotline", "f" * 64): {"hotline.yaml": "flow: ["}}).find("hotline", "f" * 64) is None


def test_a_file_of_choice_stands_in_for_the_flow_of_its_name(flows: Path, tmp_path: Path) -> None:
    other = tmp_path / "hotline.yaml"
    other.write_text((flows / "hotline.yaml").read_text().replace(OLD, NEW))
    found = plans(flows)
    assert found.of_file(other).version != found.today("hotline").version
    other.write_text("flow: hotline\nstart: nowhere\nnodes: {}\n")
    with pytest.raises(FlowsRefused):
        found.of_file(other)


def test_a_flow_that_is_gone(flows: Path) -> None:
    with pytest.raises(CtiError, match="no flow 'gone'"):
        plans(flows).today("gone")
