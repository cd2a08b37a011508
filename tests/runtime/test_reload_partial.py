"""A mistake in one file holds back what has that file in its closure, and nothing else; calls that are up go on."""

from __future__ import annotations

import pytest

from cti.core.commands import FindNotices
from cti.core.versions import Origin
from cti.runtime.reload.job import Job
from cti.runtime.reload.judge import Verdict, judge
from cti.runtime.reload.versions import Ask

from .platform import Platform
from .test_reload import ENTRY, FLOW, SUBFLOW, Folder, flows

__all__ = ["flows"]
OTHER = """\
flow: other
start: say
languages: {default: en-US}
nodes:
  say: {type: play, say: "Other %s."}
  bye: {type: end}
"""
BOTH = """\
entries:
  - {name: talk, called: "777", flow: talk}
  - {name: other, called: "778", flow: other}
"""
CALENDAR = "calendar: days\ntimezone: Asia/Shanghai\nweek: {mon-sun: %s}\n"
HOURS = """\
flow: other
start: hours
languages: {default: en-US}
nodes:
  hours: {type: hours, calendar: days, to: {open: bye, closed: shut, holiday: shut}}
  bye: {type: end, outcome: "open"}
  shut: {type: end, outcome: "shut"}
"""
TEST = """\
tests:
  - name: it is open
    given: {now: 2026-03-02T10:00+08:00}
    expect: {outcome: "open"}
"""
NOTICES = 'notices: [{id: %s, say: {zh-CN: "通知", en-US: "Notice."}}]\n'


@pytest.fixture(autouse=True)
def _no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same judge, in this process: quicker. `test_reload` and `test_reload_engine` have real children."""

    def here(job: Job, find: Ask, *_: object) -> Verdict:
        return judge(job, find)

    monkeypatch.setattr("cti.runtime.reload.reloader.run_child", here)


@pytest.fixture
def both(flows: Folder) -> Folder:
    flows.save("other.yaml", OTHER % "one")
    flows.save("entry.yaml", BOTH)
    flows.taken()
    return flows


def says(flows: Folder, flow: str, text: str) -> bool:
    return text in str(flows.library.plans[flow].flows)


def held(flows: Folder) -> dict[str, set[str]]:
    return {name: {i.code for i in one.issues} for name, one in flows.reloader.standing.held.items()}


def test_the_others_go_live_together_while_calls_are_up(both: Folder, platform: Platform) -> None:
    before = platform.call("777")
    platform.heard(before, "Press 1.")
    old = both.version()
    both.save("talk.yaml", FLOW[:150])
    both.save("part.yaml", SUBFLOW % "two")
    both.save("other.yaml", OTHER % "two")
    assert not both.attempt().taken
    assert held(both) == {"talk": {"bad-yaml"}}
    assert both.version() == old
    assert says(both, "part", "two")
    assert not says(both, "talk", "Part two")  # the version that goes on has its own subflow
    platform.heard(platform.call("778", number="13900000001"), "Other two.")
    after = platform.call("777", number="13900000002")
    platform.heard(after, "Press 1.")
    for caller in (before, after):
        caller.press("1")
        platform.over(caller)
        assert platform.spoken(caller) == ["Words of old.", "Press 1.", "Part one.", "End of old."]


@pytest.mark.parametrize("part", ["", SUBFLOW[:60], SUBFLOW % "x" + "tests: [{name: t, expect: {outcome: never}}]\n"])
def test_a_broken_subflow_holds_back_its_callers(both: Folder, part: str) -> None:
    both.talk("new")
    both.save("part.yaml", part)
    both.save("other.yaml", OTHER % "two")
    both.attempt()
    assert held(both).keys() == {"talk", "part"}
    assert says(both, "talk", "Words of old")
    assert says(both, "other", "Other two")
    both.save("part.yaml", SUBFLOW % "mended")
    both.taken()
    assert says(both, "talk", "Words of new")


def test_it_is_in_the_history_when_it_begins_and_when_it_ends(both: Folder) -> None:
    good = both.version()
    both.save("talk.yaml", FLOW[:150])
    both.attempt()
    line = both.history.history("talk")[0]
    assert (line.origin, line.version) == (Origin.HELD_BACK, good)
    assert "[bad-yaml]" in line.note
    assert both.history.held().keys() == {"talk"}
    assert both.history.active()["talk"].version == good
    both.talk("old")
    both.taken()
    line = both.history.history("talk")[0]
    assert (line.origin, line.version, line.note) == (Origin.FILE, good, "no longer held back")
    assert both.history.held() == {}


def test_the_api_names_what_is_held_back(both: Folder) -> None:
    from cti.api.flows import Flows

    good = both.version()
    both.save("talk.yaml", FLOW[:150])
    both.save("fresh.yaml", "flow: fresh\n")
    both.attempt()
    told = Flows(both.library, both.reloader, both.history)
    shown = {one["name"]: (one["version"], {f["code"] for f in one["findings"]}) for one in told.held_back()}
    assert shown == {"talk": (good, {"bad-yaml"}), "fresh": (None, {"missing-option"})}
    talk = next(one for one in told.all() if one["flow"] == "talk")
    assert talk["held_back"]["version"] == good
    fresh = told.detail("fresh", 5)
    assert fresh is not None
    assert (fresh["version"], fresh["held_back"]["version"]) == (None, None)


# ---- the entry table ---------------------------------------------------------------------------------------------


def test_a_broken_entry_table_goes_on_as_it_was(both: Folder, platform: Platform) -> None:
    both.save("entry.yaml", "entries: [")
    both.save("other.yaml", OTHER % "two")
    both.attempt()
    assert held(both) == {"entry.yaml": {"bad-yaml"}}
    platform.heard(platform.call("778"), "Other two.")


def test_an_entry_to_a_new_flow_with_a_mistake_is_held_back_with_it(both: Folder, platform: Platform) -> None:
    both.save("fresh.yaml", "flow: fresh\n")
    both.save("entry.yaml", BOTH.replace("778", "779") + '  - {called: "780", flow: fresh}\n')
    both.attempt()
    assert held(both).keys() == {"fresh", "entry.yaml"}
    platform.heard(platform.call("778"), "Other one.")
    both.save("fresh.yaml", OTHER.replace("other", "fresh") % "fresh")
    both.taken()
    platform.heard(platform.call("780", number="13900000001"), "Other fresh.")


def test_a_flow_that_the_table_does_not_fit_waits_for_the_table(both: Folder, platform: Platform) -> None:
    wants = (OTHER % "two").replace("nodes:", "inputs: {tier: int}\nnodes:")
    both.save("other.yaml", wants)
    both.attempt()
    assert held(both).keys() == {"other", "entry.yaml"}
    platform.heard(platform.call("778"), "Other one.")
    both.save("entry.yaml", BOTH.replace("flow: other}", "flow: other, inputs: {tier: 3}}"))
    both.taken()
    platform.heard(platform.call("778", number="13900000001"), "Other two.")


def test_a_flow_that_is_taken_away_stays_while_an_entry_names_it(both: Folder, platform: Platform) -> None:
    (both.path / "other.yaml").unlink()
    both.attempt()
    assert held(both) == {"entry.yaml": {"unknown-flow"}}
    platform.heard(platform.call("778"), "Other one.")
    both.save("entry.yaml", ENTRY % "")
    both.taken()
    assert "other" not in both.library.plans


# ---- calendars, notices ------------------------------------------------------------------------------------------


def test_a_broken_calendar_goes_on_as_it_was(both: Folder) -> None:
    (both.path / "calendars").mkdir()
    both.save("calendars/days.yaml", CALENDAR % "open")
    both.save("other.yaml", HOURS)
    both.taken()
    good = both.library.calendars["days"]
    both.save("calendars/days.yaml", "calendar: [")
    both.talk("new")
    both.attempt()
    assert held(both) == {"calendars/days.yaml": {"bad-yaml"}}
    assert both.library.calendars["days"] == good
    assert says(both, "talk", "Words of new")
    both.save("calendars/days.yaml", CALENDAR % "closed")
    both.taken()
    assert both.library.calendars["days"] != good


def test_a_calendar_with_which_a_test_fails_is_held_back_and_not_the_flow(both: Folder) -> None:
    (both.path / "calendars").mkdir()
    both.save("calendars/days.yaml", CALENDAR % "open")
    both.save("other.yaml", HOURS + TEST)
    both.taken()
    good = both.library.calendars["days"]
    both.save("calendars/days.yaml", CALENDAR % "closed")
    both.talk("new")
    both.attempt()
    assert held(both) == {"calendars/days.yaml": {"test-failed"}}
    assert both.library.calendars["days"] == good
    assert says(both, "talk", "Words of new")


def told(flows: Folder) -> list[str]:
    now = flows.platform.application.engine._services.now()
    return [notice.id for notice in flows.platform.application.notices.find(FindNotices(1, now))]


def test_notices_are_taken_and_a_mistake_leaves_those_in_force(both: Folder) -> None:
    both.save("notices.yaml", NOTICES % "one")
    both.taken()
    assert told(both) == ["one"]
    both.save("notices.yaml", "notices: [{id: two")
    both.talk("new")
    both.attempt()
    assert held(both).keys() == {"notices.yaml"}
    assert told(both) == ["one"]
    assert says(both, "talk", "Words of new")
    both.save("notices.yaml", NOTICES % "two")
    both.taken()
    assert told(both) == ["two"]
    (both.path / "notices.yaml").unlink()
    both.taken()
    assert told(both) == []


def test_the_languages_that_notices_need_follow_the_flows(both: Folder) -> None:
    both.save("notices.yaml", NOTICES % "one")
    both.taken()
    german = OTHER.replace('say: {type: play, say: "Other %s."}', "say: {type: notice}").replace("en-US", "de-DE")
    both.save("other.yaml", german)
    both.attempt()
    assert held(both) == {"notices.yaml": {"missing-prompt"}}
    assert told(both) == ["one"]
    both.save("notices.yaml", (NOTICES % "one").replace("en-US", "de-DE"))
    both.taken()
