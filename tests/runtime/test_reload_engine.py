"""A whole engine that watches its flows: saved, rolled back beside it, and started again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from cti.config import ReloadSettings
from cti.core.versions import Activation, Origin
from cti.runtime.reload.canaries import Standing
from cti.store.flow_versions import open_flow_versions

from .platform import FLOWS, Platform


def watching(make_platform: Callable[..., Platform], folder: Path) -> Platform:
    """An engine that watches ``folder``, a copy of the flows of the tests."""
    shutil.copytree(FLOWS, folder)
    platform = make_platform()
    settings = platform.settings().model_copy(update={"reload": ReloadSettings(watch=True), "flows": folder})
    platform.settings = lambda: settings  # type: ignore[method-assign]
    platform.kill_engine()
    platform.restart_engine()
    return platform


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_saved_heard_rolled_back_and_still_so_after_a_restart(
    make_platform: Callable[..., Platform], tmp_path: Path
) -> None:
    folder = tmp_path / "flows"
    platform = watching(make_platform, folder)
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
    standing = platform.application.reloader.standing
    assert (standing.pending, standing.held, standing.last) == (frozenset(), {}, None)  # nothing is run again
    platform.heard(platform.call("menu", number="13900000000"), "Hello.")


def test_files_saved_under_calls_that_are_up_and_while_the_engine_is_down(
    make_platform: Callable[..., Platform], tmp_path: Path
) -> None:
    folder = tmp_path / "flows"
    platform = watching(make_platform, folder)
    news = (folder / "notices.yaml").read_text()
    met = platform.application.library.plans["menu"].version
    up = platform.call("menu")
    platform.heard(up, "Hello.")

    def standing() -> Standing:
        return platform.application.reloader.standing

    # One file is broken (another flow calls it), one is good, and the notices have a mistake.
    edit(folder / "menu.yaml", "start:", "starts:")
    (folder / "notices.yaml").write_text("notices: [")
    edit(folder / "news.yaml", "outcome: done", "outcome: finished")
    platform.until(lambda: standing().held.keys() == {"menu", "over", "notices.yaml"}, "they are held back", 90)
    told = platform.over(platform.call("news", number="13900000001"))
    assert told.call.outcome == "finished"
    assert told.visits[0].note == "works"  # the notices in force
    platform.heard(platform.call("menu", number="13900000002"), "Hello.")
    ended = platform.over(up)  # by itself: nobody pressed a key
    assert (ended.call.terminal_cause, ended.call.flow_version) == ("flow_end", met)

    # Down; mended, and edited once more.
    platform.kill_engine()
    edit(folder / "menu.yaml", "starts:", "start:")
    edit(folder / "menu.yaml", '"Hello."', '"Good day."')
    (folder / "notices.yaml").write_text(news)
    platform.restart_engine()
    assert standing().pending == {"menu", "over"}
    platform.heard(platform.call("menu", number="13900000003"), "Hello.")
    platform.until(lambda: not standing().pending, "it is judged", 90)
    platform.heard(platform.call("menu", number="13900000004"), "Good day.")
    with open_flow_versions(f"sqlite:///{platform.folder / 'data' / 'cti.db'}") as beside:
        assert beside.held() == {}
        origins = [line.origin for line in beside.history("menu")]
    assert origins == [Origin.FILE, Origin.HELD_BACK, Origin.FILE]
