"""Feeds by other ways than a folder, to receivers that are really there: what comes, what comes twice, what fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cti.core.errors import ConfigError
from cti.store import SqlStore
from tests.boss.feeds import day as d
from tests.boss.feeds.sendkit import feed, reason, unnoted
from tests.boss.ways.files.conftest import make, nothing_left
from tests.boss.ways.files.site import KINDS, Site
from tests.store.conftest import Folder

__all__ = ["make", "nothing_left"]  # fixtures


@pytest.mark.parametrize("kind", KINDS[1:])
def test_files_on_a_server_sum_to_the_report_and_come_once(
    calls: SqlStore, folder: Folder, make: Callable[..., Site], kind: str
) -> None:
    site = make(kind)
    runner = feed(calls, folder, to=site.url, reach=site.options())
    with closing(runner):
        assert unnoted(calls, runner) == 1
        name = "CALLS_20260302_001.txt"
        assert sorted(path.name for path in site.folder.iterdir()) == [name, f"{name}.chk"]
        before = (site.folder / name).stat()
        (site.folder / f"{name}.chk").rename(site.folder / f"{name}.chk.tmp")  # killed between the two
        assert [(file.seq, file.rows) for file in runner.run("one")] == [(1, 10)]
        assert runner.verify("one", d.DAY).good
        after = (site.folder / name).stat()
        assert sorted(path.name for path in site.folder.iterdir()) == [name, f"{name}.chk"]
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_what_is_wrong_with_a_server_is_told_and_tried_again(
    calls: SqlStore, folder: Folder, make: Callable[..., Site]
) -> None:
    site = make("sftp")
    wrong = "SHA256:" + "A" * 43
    with closing(feed(calls, folder, to=site.url, reach=site.options(fingerprint=wrong))) as runner:
        assert reason(runner) == "bad-host-key"
    with closing(feed(calls, folder, to=site.url, reach=site.options(password="wrong"))) as runner:
        assert reason(runner) == "login"
    with closing(feed(calls, folder, to=site.url, reach=site.options())) as runner:
        (site.folder / "CALLS_20260302_001.txt").write_bytes(b"theirs")
        assert reason(runner) == "foreign-file"
        site.stop()
        assert reason(runner) == "unreachable"
        site.start()
        (site.folder / "CALLS_20260302_001.txt").unlink()
        assert [file.attempts for file in runner.run("one")] == [4]
        assert runner.failures == {("one", "foreign-file"): 1, ("one", "unreachable"): 1}
    state = calls.accounts.feeds.state("one")
    assert (state.failing, state.waiting) == (None, 0)


def test_an_unknown_certificate_is_refused(calls: SqlStore, folder: Folder, make: Callable[..., Site]) -> None:
    site = make("ftps")
    options = {name: value for name, value in site.options().items() if name != "ca_file"}
    with closing(feed(calls, folder, to=site.url, reach=options)) as runner:
        assert reason(runner) == "bad-certificate"


def test_what_can_never_work_is_told_too(calls: SqlStore, folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("")
    for options in (
        {"to": "sftp://u@127.0.0.1:9/in", "reach": {"known_hosts": "known"}},
        {"table": {"url": "sqlite:///nothing.db", "table": "t"}},
        {"http": {"url": "https://127.0.0.1:9/", "secret": "short"}},
    ):
        with closing(feed(calls, folder, **options)) as runner, pytest.raises(ConfigError) as raised:
            runner.run("one")
        state = calls.accounts.feeds.state("one")
        assert state.failing is not None
        assert state.failing.failure == raised.value.code
