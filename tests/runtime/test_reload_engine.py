"""A whole engine that watches its flows: saved, rolled back beside it, and started again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from cti.config import ReloadSettings
from cti.core.versions import Activation, Origin
from cti.store.flow_versions import open_flow_versions

from .platform import FLOWS, Platform


def test_saved_heard_rolled_back_and_still_so_after_a_restart(
    make_platform: Callable[..., Platform], tmp_path: Path
) -> None:
    folder = tmp_path / "flows"
    shutil.copytree(FLOWS, folder)
    platform = make_platform()
    settings = platform.settings().model_copy(update={"reload": ReloadSettings(watch=True), "flows": folder})
    platform.settings = lambda: settings  # type: ignore[method-assign]
    platform.kill_engine()
    platform.restart_engine()
    platform.until(lambda: platform.application.reloader.standing.last, "the first look is done", 90)
    old = platform.application.library.plans["menu"].version
    (folder / "menu.yaml").write_text((folder / "menu.yaml").read_text().replace('"Hello."', '"Good day."'))

    def version() -> str:
        return platform.application.library.plans["menu"].version

    platform.until(lambda: version() != old, "the saved version", 90)
    platform.heard(platform.call("menu"), "Good day.")
    with open_flow_versions(f"sqlite:///{platform.folder / 'data' / 'cti.db'}") as beside:
        beside.write([], [Activation("menu", old, 1.0, "ann", Origin.ROLLBACK)])
    platform.until(lambda: version() == old, "the version gone back to", 90)
    platform.kill_engine()
    platform.restart_engine()
    assert version() == old
    last = platform.application.reloader.standing.last
    assert last is not None
    assert (last.taken, last.tests_run) == (True, 0)
    platform.heard(platform.call("menu", number="13900000000"), "Hello.")
