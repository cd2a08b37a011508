"""What callers meet after a start: with a history what was live before, without one what is good in the files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from cti.app import SystemClock, demo_catalog
from cti.core.commands import Say
from cti.core.errors import ConfigError, CtiError
from cti.core.versions import Activation, Origin
from cti.flow import EntryTable
from cti.prompts import RenderReport
from cti.runtime.library import FlowLibrary, FlowsRefused
from cti.runtime.notices import NoticeBoard
from cti.runtime.reload.job import PromptJob
from cti.runtime.reload.judge import Verdict, judge
from cti.runtime.reload.reloader import Reloader, ReloadSetup
from cti.store import open_store

from .platform import FLOWS
from .test_reload import FLOW, SUBFLOW
from .test_reload_partial import BOTH, CALENDAR, HOURS, NOTICES, OTHER

FAILING = (FLOW % (("new",) * 4)).replace('{outcome: "new"}', "{outcome: x}")


class Start:
    """A folder and a database; every `start` is a new engine's, as far as flows go."""

    def __init__(self, path: Path) -> None:
        self.flows = path / "flows"
        (self.flows / "calendars").mkdir(parents=True)
        self.store = open_store(f"sqlite:///{path / 'cti.db'}", path / "keys.json")
        self.setup = ReloadSetup(self.flows, demo_catalog(), path / "tested.json")
        shutil.copy(FLOWS / "busy.yaml", self.flows)
        self.save("part.yaml", SUBFLOW % "one")
        self.save("talk.yaml", FLOW % (("old",) * 4))
        self.save("other.yaml", OTHER % "one")
        self.save("entry.yaml", BOTH)
        self.running: list[Reloader] = []

    def save(self, name: str, text: str) -> None:
        (self.flows / name).write_text(text)

    def start(self, *, watched: bool = True) -> Reloader:
        self.library = FlowLibrary({}, EntryTable((), {}, {}))
        self.board = NoticeBoard()
        self.reloader = Reloader(self.library, self.store.flows, SystemClock(), self.setup, self.board)
        self.running.append(self.reloader)
        self.reloader.load(watched=watched)
        return self.reloader

    def says(self, flow: str, text: str) -> bool:
        return text in str(self.library.plans[flow].flows)

    @property
    def held(self) -> dict[str, set[str]]:
        return {name: {i.code for i in one.issues} for name, one in self.reloader.standing.held.items()}

    @property
    def pending(self) -> set[str]:
        return set(self.reloader.standing.pending)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    def here(job: object, find: object, *_: object) -> Verdict:
        return judge(job, find)  # type: ignore[arg-type]

    monkeypatch.setattr("cti.runtime.reload.reloader.run_child", here)
    found = Start(tmp_path)
    yield found
    for reloader in found.running:
        reloader.stop()
    found.store.close(5.0)


# ---- without a history -------------------------------------------------------------------------------------------


def test_what_is_loaded_is_in_the_history_before_the_first_call(engine: Start) -> None:
    for watched in (False, True):
        engine.start(watched=watched)
        active = engine.store.flows.active()
        assert {name: plan.version for name, plan in engine.library.plans.items()} == {
            name: line.version for name, line in active.items() if not name.endswith(".yaml")
        }
        assert "entry.yaml" in active
    engine.save("talk.yaml", FLOW % (("saved right after",) * 4))
    engine.reloader.attempt()
    versions = [line.version for line in engine.store.flows.history("talk")]
    assert len(versions) == 2
    assert engine.store.flows.find("talk", versions[1]) != []


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        ("talk.yaml", FLOW[:150], "bad-yaml"),
        ("talk.yaml", FAILING, "test-failed"),
        ("part.yaml", "", "bad-yaml"),
        ("busy.yaml", "flow: busy\n", "missing-option"),
        ("entry.yaml", "entries: [", "bad-yaml"),
        ("notices.yaml", "notices: [", "bad-yaml"),
    ],
)
def test_what_a_call_can_come_to_must_be_good_at_the_first_start(
    engine: Start, file: str, text: str, code: str
) -> None:
    engine.save(file, text)
    with pytest.raises(FlowsRefused) as refused:
        engine.start()
    found = {(Path(issue.place.file).name, issue.code) for issue in refused.value.issues}
    assert (file, code) in found
    assert all(name == file for name, _ in found)  # nothing that only follows from it


def test_a_flow_that_no_entry_names_is_held_back_at_the_first_start(
    engine: Start, caplog: pytest.LogCaptureFixture
) -> None:
    engine.save("draft.yaml", "flow: draft\n")
    engine.start()
    assert engine.held == {"draft": {"missing-option"}}
    assert "draft is held back, there is none before it" in caplog.text
    assert engine.store.flows.history("draft")[0].origin is Origin.HELD_BACK


def test_a_folder_that_is_not_there_is_told(engine: Start) -> None:
    engine.start()
    shutil.rmtree(engine.flows)
    with pytest.raises(ConfigError, match="no folder"):
        engine.start()


# ---- with one ----------------------------------------------------------------------------------------------------


def test_a_restart_on_the_same_files_judges_nothing_again(engine: Start) -> None:
    engine.start()
    engine.start()
    assert (engine.held, engine.pending) == ({}, set())
    engine.reloader.step()
    engine.reloader.step()
    assert engine.reloader.standing.last is None


@pytest.mark.parametrize("broken", ["talk.yaml", "part.yaml", "busy.yaml", "entry.yaml", "notices.yaml"])
def test_a_broken_file_leaves_what_was_good_before(
    engine: Start, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine.save("notices.yaml", NOTICES % "one")
    engine.start()
    versions = {name: plan.version for name, plan in engine.library.plans.items()}
    engine.save(broken, "a: [")
    engine.start()
    assert {name: plan.version for name, plan in engine.library.plans.items()} == versions
    assert [entry.flow for entry in engine.library.entry.entries] == ["talk", "other"]
    assert [notice.id for notice in engine.board.notices] == ["one"]
    assert "bad-yaml" in {code for codes in engine.held.values() for code in codes}
    assert f"{broken.removesuffix('.yaml')}" in caplog.text
    assert "is held back, version" in caplog.text
    engine.reloader.attempt()
    assert engine.store.flows.held().keys() == engine.held.keys()


def test_what_was_saved_meanwhile_waits_for_its_tests(engine: Start) -> None:
    engine.start()
    engine.save("talk.yaml", FLOW % (("new",) * 4))
    engine.save("entry.yaml", BOTH.replace("778", "779"))
    engine.save("notices.yaml", NOTICES % "one")
    engine.start()
    assert engine.pending == {"talk", "entry.yaml", "notices.yaml"}
    assert engine.says("talk", "Words of old")
    assert engine.library.entry.entries[1].called[0].text == "778"
    assert engine.board.notices == ()
    assert engine.reloader.attempt().tests_run == 1
    assert engine.says("talk", "Words of new")
    assert engine.library.entry.entries[1].called[0].text == "779"
    assert len(engine.board.notices) == 1
    assert engine.pending == set()


def test_what_was_saved_meanwhile_and_fails_its_tests_is_never_met(engine: Start) -> None:
    engine.start()
    engine.save("talk.yaml", FAILING)
    engine.start()
    assert engine.says("talk", "Words of old")
    engine.reloader.attempt()
    assert engine.held == {"talk": {"test-failed"}}
    assert engine.says("talk", "Words of old")
    engine.start()  # nor after the next start
    assert engine.says("talk", "Words of old")


def test_a_new_flow_and_its_entry_wait_together(engine: Start) -> None:
    engine.start()
    engine.save("fresh.yaml", OTHER.replace("other", "fresh") % "fresh")
    engine.save("entry.yaml", BOTH + '  - {called: "780", flow: fresh}\n')
    engine.start()
    assert engine.pending == {"fresh", "entry.yaml"}
    assert len(engine.library.entry.entries) == 2
    assert engine.reloader.attempt().taken
    assert len(engine.library.entry.entries) == 3


def test_a_calendar_that_was_broken_meanwhile_goes_on_as_it_was(engine: Start) -> None:
    engine.save("calendars/days.yaml", CALENDAR % "open")
    engine.save("other.yaml", HOURS)
    engine.start()
    good = engine.library.calendars["days"]
    engine.save("calendars/days.yaml", "calendar: [")
    engine.start()
    assert engine.library.calendars["days"] == good
    assert engine.held == {"calendars/days.yaml": {"bad-yaml"}}


def test_going_back_while_the_engine_is_down_or_the_file_is_broken(engine: Start) -> None:
    engine.start()
    old = engine.library.plans["talk"].version
    engine.save("talk.yaml", FLOW % (("new",) * 4))
    engine.reloader.attempt()
    assert engine.says("talk", "Words of new")
    engine.save("talk.yaml", "a: [")
    engine.store.flows.write([], [Activation("talk", old, 1.0, "ann", Origin.ROLLBACK)])
    engine.reloader.attempt()
    assert engine.library.plans["talk"].version == old
    engine.start()
    assert engine.library.plans["talk"].version == old


def test_a_version_that_cannot_be_built_gives_way_to_the_one_before(engine: Start) -> None:
    engine.start()
    good = engine.library.plans["talk"].version
    engine.save("talk.yaml", "a: [")
    engine.store.flows.write([], [Activation("talk", "f" * 64, 1.0, "ann", Origin.ROLLBACK)])
    engine.start()
    assert engine.library.plans["talk"].version == good


def test_where_nothing_of_the_history_can_be_built_the_files_are_judged_at_once(engine: Start) -> None:
    engine.start()
    engine.store.flows.write([], [Activation("talk", "f" * 64, 1.0, "ann", Origin.FILE)])
    engine.save("talk.yaml", FLOW % (("new",) * 4))
    engine.setup = replace(engine.setup, tested=engine.flows / "none.json")
    engine.store.flows.find = lambda *_: []  # type: ignore[method-assign]
    engine.start()
    assert engine.says("talk", "Words of new")
    assert engine.pending == set()


# ---- canaries and prompts ----------------------------------------------------------------------------------------


def test_a_canary_goes_on_over_a_restart_and_while_its_file_is_broken(engine: Start) -> None:
    engine.start()
    old = engine.library.plans["talk"].version
    engine.save("talk.yaml", FLOW % (("new",) * 4))
    engine.save("entry.yaml", BOTH.replace("flow: talk}", "flow: talk, canary: {percent: 50}}"))
    assert engine.reloader.attempt().taken
    new = engine.library.canaries["talk"].version
    since = engine.reloader.canaries()["talk"].since

    def same() -> bool:
        found = engine.reloader.canaries()["talk"]
        return (engine.library.plans["talk"].version, found.version, found.since) == (old, new, since)

    engine.start()
    assert same()
    engine.reloader.attempt()
    assert same()
    engine.save("talk.yaml", "a: [")
    engine.reloader.attempt()
    assert engine.held == {"talk": {"bad-yaml"}}
    assert same()
    engine.start()
    assert same()


class Studio:
    """In the place of the renderer: cannot say what has "unspeakable" in it."""

    said: ClassVar[list[str]] = []

    def __init__(self, *_: object, **__: object) -> None:
        self.closed = False

    def render_ahead(self, says: list[Say]) -> RenderReport:
        self.said.extend(say.text for say in says)
        failed = [(say, CtiError("no voice", code="no-voice")) for say in says if "unspeakable" in say.text]
        return RenderReport(total=len(says), rendered=len(says) - len(failed), failed=failed)

    def close(self) -> None:
        self.closed = True


def test_prompts_of_flows_and_notices_are_rendered_by_the_judge_each_once(
    engine: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti.runtime.reload.proof.WavPrompts", Studio)
    monkeypatch.setattr("cti.runtime.reload.proof.Renderer", Studio)
    Studio.said.clear()
    engine.setup = replace(engine.setup, prompts=PromptJob("prompts", "cache", {}, 175))
    engine.start()
    engine.save("notices.yaml", NOTICES % "one")
    engine.save("other.yaml", OTHER % "two")
    assert engine.reloader.attempt().taken
    assert "Other two." in Studio.said
    assert "Notice." in Studio.said
    assert len(Studio.said) == len(set(Studio.said))
    # What cannot be said holds back who says it.
    engine.save("part.yaml", SUBFLOW % "unspeakable")
    engine.save("other.yaml", OTHER % "three")
    engine.save("notices.yaml", NOTICES.replace("Notice.", "It is unspeakable.") % "two")
    assert not engine.reloader.attempt().taken
    assert engine.held == {"part": {"no-voice"}, "talk": {"no-voice"}, "notices.yaml": {"no-voice"}}
    assert engine.says("other", "Other three")
    assert [notice.id for notice in engine.board.notices] == ["one"]
