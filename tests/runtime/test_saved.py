"""Where calls stood, as releases wrote it (`journals/format-<n>`): read, restored and replayed by this one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cti.boss import WAYS, load_office
from cti.core import commands as cmd
from cti.core.calls import Caller, Medium, NewCall
from cti.core.events import Resumed, TimerFired
from cti.core.snapshots import RunSnapshot
from cti.core.versions import FlowVersion, Origin
from cti.flow import Catalog, EntryTable, Plan, Run
from cti.flow.replay import replay
from cti.flow.replay_recording import read_recording
from cti.runtime.durable import Instant, PlanSource, RunClock, Saved, SnapshotUnreadable, dump, load
from cti.runtime.durable.saver import CallSaver, told_of
from cti.runtime.durable.taking_up import TakingUp
from cti.runtime.library import FlowLibrary, load_folder
from cti.runtime.messages import Timers
from cti.runtime.reload.job import Job

from .resumekit import FLOWS, OFFICE

JOURNALS = Path(__file__).parent / "journals"
#: What each does first when it is gone on with: what it emits itself, and what is begun again for it.
GOES_ON = {
    "menu": (["StopPlay", "Play"], []),
    "collect": (["CancelTimer", "Play"], []),
    "a-secret-typed-before": (["StopPlay", "Play"], []),
    "play": ([], ["Play"]),
    "lookup": ([], ["Lookup"]),
    "write": ([], ["Request"]),
    "transfer": ([], ["Transfer"]),
    "bridged": ([], ["Transfer"]),
    "voicemail": (["StopRecord", "Play"], []),
    "subflow": (["CancelTimer", "Play"], []),
    "queue": ([], ["EnterQueue"]),
}


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    folder = tmp_path_factory.mktemp("office")
    (folder / "interfaces.yaml").write_text(OFFICE % 1, encoding="utf-8")
    catalog = load_office(folder / "interfaces.yaml", WAYS).catalog()
    return dict(load_folder(FLOWS, catalog).plans)


def bodies() -> list[Path]:
    return sorted(JOURNALS.glob("format-*/*.json"))


@pytest.mark.parametrize("file", bodies(), ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_call_of_an_earlier_release_goes_on(file: Path, plans: dict[str, Plan]) -> None:
    saved = load(file.read_bytes())
    run = Run.restore(plans[saved.flow], saved.run)
    before = set(run.pending)
    sprint = run.feed(Resumed(), datetime.fromtimestamp(saved.run_at + 5.0, UTC))
    said, again = GOES_ON[file.stem]
    assert [type(work).__name__ for work in sprint] == said
    kept = [saved.work[ref] for ref in run.pending if ref in before and ref in saved.work]
    assert [type(work).__name__ for work in kept] == again
    assert (saved.stay is not None) == (file.stem == "queue")


@pytest.mark.parametrize("file", bodies(), ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_its_journal_is_replayed_to_the_same_decisions(file: Path, plans: dict[str, Plan]) -> None:
    saved = load(file.read_bytes())
    kept = saved.log["recorder"]
    found = replay(read_recording(kept["entries"], kept["secrets"]), plans[saved.flow])
    assert (found.exact, found.difference) == (True, None)


def test_every_body_is_of_the_present_format_or_an_earlier_one() -> None:
    assert {file.stem for file in bodies() if file.parent.name == "format-1"} == set(GOES_ON)


def test_what_this_release_writes_it_reads() -> None:
    file = JOURNALS / "format-1" / "queue.json"
    saved = load(file.read_bytes())
    assert load(dump(saved, json.dumps(saved.run).encode())) == saved
    assert load(dump(saved, b'{"half": "\\ud800"}')).run == {"half": "\ud800"}, "half of a surrogate pair"


def test_anything_else_is_refused_in_words() -> None:
    whole = (JOURNALS / "format-1" / "menu.json").read_bytes()
    for cut in range(0, len(whole) - 2, 61):
        with pytest.raises(SnapshotUnreadable):
            load(whole[:cut])
    with pytest.raises(SnapshotUnreadable, match="a snapshot of format 2; this release reads 1"):
        load(whole.replace(b'"format": 1', b'"format": 2', 1))
    for body in (b"[]", b"1", b'{"format": 1}', b'{"format": 1, "at": 3}'):
        with pytest.raises(SnapshotUnreadable):
            load(body)


class Clocks:
    def __init__(self, wall: float, monotonic: float) -> None:
        self.wall, self.mono = wall, monotonic

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.mono


@pytest.mark.parametrize("jump", [-3600.0, 0.0, 3600.0])
def test_a_wall_clock_that_is_set_changes_no_gap(jump: float) -> None:
    then = Instant(1000.0, 50.0, "boot")
    assert Instant(1007.0 + jump, 57.0, "boot").seconds_since(then) == 7.0


@pytest.mark.parametrize(("wall", "gap"), [(1007.0, 7.0), (900.0, 0.0), (90_000.0, 3600.0)])
def test_between_machines_the_wall_clocks_tell_within_bounds(wall: float, gap: float) -> None:
    assert Instant(wall, 3.0, "other").seconds_since(Instant(1000.0, 50.0, "boot")) == gap


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_the_time_of_a_run_does_not_jump(jump: float) -> None:
    clocks = Clocks(1000.0, 50.0)
    clock = RunClock(clocks, UTC)
    clocks.wall, clocks.mono = 1000.0 + jump, 60.0
    assert clock.time() == 1010.0
    clock.go_on(2000.0)
    clocks.mono = 61.0
    assert clock.now() == datetime.fromtimestamp(2001.0, UTC)


@pytest.mark.parametrize(("shift", "left"), [(0.0, [2.0, 5.0]), (-40.0, [2.0, 5.0])])
def test_the_time_in_between_counts_for_timers(shift: float, left: list[float], plans: dict[str, Plan]) -> None:
    """Kept at 100 with 10 and 13 s to go, taken up 8 s later; on another machine the clock shows something else."""
    run = Run(plans["choice"], {}, now=datetime.fromtimestamp(0, UTC))
    run.pending = {4: ("timer", "no_input"), 9: ("play", "prompt")}
    run.limit_ref = 1
    saved = Saved(Instant(0.0, 100.0), "choice", "", 0.0, {}, timers={4: 110.0, 1: 113.0, 7: 111.0})
    now = 108.0 + shift
    timers = Timers()
    TakingUp(saved, run, 0.0, 8.0, now - 108.0, here=True).start_timers(timers)
    assert sorted(due - now for due in timers.due().values()) == left
    assert timers.pop_due(now + 2.0) == TimerFired(4).ref


def test_work_is_packed_without_loss() -> None:
    parts = (
        cmd.Say("a", "en-US", pieces=(cmd.Say("b", "en-US"), cmd.Pause(0.5))),
        cmd.Tone("%(1,0,1)"),
        cmd.Sound("x"),
    )
    works = {
        1: cmd.Play(1, parts),
        2: cmd.EnterQueue(2, "q", {"a": 1}, ((5.0, {"a": 0}),), 3, "1001", 2.0, None, 30.0, parts),
        3: cmd.FindNotices(3, datetime(2026, 1, 2, tzinfo=UTC), "x"),
    }
    saved = Saved(Instant(1.0, 2.0, "b"), "f", "v", 3.0, {"x": 1}, works)
    assert load(dump(saved, b'{"x": 1}')) == saved


@pytest.mark.parametrize(("medium", "heeds"), [(Medium.VOICE, True), (Medium.CHAT, False)])
def test_who_calls_is_kept_for_on_hangup_and_of_those_who_write_always(medium: Medium, heeds: bool) -> None:
    """A conversation by text has no hang-up whose place a flow's end must take."""
    call = NewCall("u", "texts", Caller("13800000000", "", "10086"), medium)
    body = dump(Saved(Instant(1.0, 2.0, "b"), "f", "v", 3.0, {}, {}, call=told_of(call)), b"{}")
    saver = CallSaver(None, call)
    saver.taken_up(RunSnapshot("u", "texts", "n/0", 1, 4, 2.0, body))
    assert (saver.number, saver.heeds_hangup) == (4, heeds)


class History:
    """Of one flow: the texts of its versions."""

    def __init__(self, *versions: FlowVersion) -> None:
        self.versions, self.asked = versions, 0

    def find(self, flow: str, version: str) -> list[FlowVersion]:
        self.asked += 1
        return [one for one in self.versions if (one.flow, one.version) == (flow, version)]


def test_a_run_goes_on_with_the_version_that_it_began_with(plans: dict[str, Plan]) -> None:
    """Callers meet another one by now; a version that is not to be had, or no longer makes what it made, is none."""
    began = plans["choice"]
    text = (FLOWS / "choice.yaml").read_text(encoding="utf-8")
    kept = FlowVersion("choice", began.version, {"choice.yaml": text}, "", 1.0, Origin.FILE)
    changed = FlowVersion("choice", "f" * 64, {"choice.yaml": text.replace("Hello", "Bye")}, "", 1.0, Origin.FILE)
    library = FlowLibrary({"choice": plans["number"]}, EntryTable((), {}, {}))
    history = History(kept, changed)
    source = PlanSource(library, history, lambda: Job(str(FLOWS), Catalog()))  # type: ignore[arg-type]  # `find` alone
    found = source.find("choice", began.version)
    assert found is not None
    assert (found.version, found.root) == (began.version, "choice")
    assert source.find("choice", began.version) is found, "built once"
    assert history.asked == 1
    assert source.find("choice", "f" * 64) is None
    assert source.find("choice", "0" * 64) is None
    library.plans = {"choice": began}
    assert source.find("choice", began.version) is not found, "what callers meet needs no building"
