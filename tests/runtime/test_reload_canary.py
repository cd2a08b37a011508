"""Canaries: who meets one, what is recorded, and how one goes back by itself, from the records of calls."""

from __future__ import annotations

import pytest

from cti.core.calls import Caller, NewCall, TerminalCause
from cti.core.records import CallEnded, CallStarted
from cti.core.versions import Activation, Origin
from cti.flow.canary import Canary, is_chosen

from .platform import Platform
from .test_reload import Folder, flows, roll_back

__all__ = ["flows"]
HALF = ", canary: {percent: 50, back: {error_rate: 5%, min_calls: 20}}"


def met(flows: Folder, number: str) -> str:
    call = NewCall("u", "fs", Caller(number, "", "777"))
    return flows.library.meet(call, flows.platform.application.engine._services.now()).plan.version


def numbers(flows: Folder, version: str) -> list[str]:
    return [number for number in (f"1380000{n:04}" for n in range(100)) if met(flows, number) == version]


def begin(flows: Folder) -> tuple[str, str]:
    """The old version for everybody, the file's for half of the callers: (old, new)."""
    old = flows.version()
    flows.entry(HALF)
    flows.talk("new")
    flows.taken()
    return old, flows.library.canaries["talk"].version


def ended(flows: Folder, version: str, count: int, broken: int) -> None:
    store = flows.platform.application.store
    now = flows.platform.application.ground.clock.now()
    for number in range(count):
        name = f"{version[:6]}-{number}"
        cause = TerminalCause.SYSTEM_ERROR if number < broken else TerminalCause.FLOW_END
        store.record(CallStarted(name, "fs", "777", now + 1, flow="talk", flow_version=version))
        store.record(CallEnded(name, now + 2, cause))
    assert store.flush(10.0)


def test_the_files_version_meets_its_share_and_the_others_stay(flows: Folder, platform: Platform) -> None:
    old, new = begin(flows)
    assert flows.version() == old != new
    chosen = numbers(flows, new)
    assert 30 <= len(chosen) <= 70
    assert numbers(flows, new) == chosen
    assert len(numbers(flows, old)) == 100 - len(chosen)
    canary = Canary("new", 50.0)
    caller = next(n for n in (f"139{i:08}" for i in range(99)) if is_chosen(canary, new, None, n))
    other = next(n for n in (f"139{i:08}" for i in range(99)) if not is_chosen(canary, new, None, n))
    platform.heard(platform.call("777", number=caller), "Words of new.")
    platform.heard(platform.call("777", number=other), "Words of old.")


def test_it_lasts_over_a_restart_and_goes_to_everybody_without_the_canary(flows: Folder) -> None:
    old, new = begin(flows)
    since = flows.reloader.canaries()["talk"].since
    flows.library.canaries = {}
    flows.reloader = flows.new()
    flows.taken()
    assert (flows.version(), flows.library.canaries["talk"].version) == (old, new)
    assert flows.reloader.canaries()["talk"].since == since
    flows.entry()
    flows.taken()
    assert (flows.version(), dict(flows.library.canaries)) == (new, {})


def test_a_version_of_the_history_is_tried_beside_the_files(flows: Folder) -> None:
    old = flows.version()
    flows.talk("new")
    flows.taken()
    flows.entry(f", canary: {{version: {old[:10]}, percent: 50}}")
    flows.taken()
    assert flows.library.canaries["talk"].version == old
    assert flows.library.canaries["talk"].flows["talk"].nodes["bye"].get("outcome") == "old"


def test_a_version_that_nobody_knows_is_told(flows: Folder) -> None:
    flows.entry(", canary: {version: abcdef123, percent: 50}")
    flows.attempt()
    assert flows.codes() == {"unknown-version"}


def test_it_goes_back_by_itself_with_its_figures_and_is_not_tried_again(flows: Folder) -> None:
    old, new = begin(flows)
    ended(flows, new, 19, 19)
    flows.reloader.judge_canaries()
    assert "talk" in flows.library.canaries  # too few calls to judge
    ended(flows, old, 40, 1)
    store = flows.platform.application.store
    now = flows.platform.application.ground.clock.now()
    store.record(CallStarted("one more", "fs", "777", now + 1, flow="talk", flow_version=new))
    store.record(CallEnded("one more", now + 2, TerminalCause.FLOW_END))
    assert store.flush(10.0)
    flows.reloader.judge_canaries()
    assert numbers(flows, new) == []
    line = flows.history.history("talk")[0]
    assert (line.origin, line.version, line.author) == (Origin.CANARY_BACK, old, "cti")
    for figure in ("error rate 95.0% of 20 calls", "40 calls, errors 2.5%"):
        assert figure in line.note
    for reloader in (flows.reloader, flows.new()):  # and after a restart
        flows.reloader = reloader
        flows.taken()
        assert (flows.version(), dict(flows.library.canaries)) == (old, {})
    flows.entry()  # nor does taking the canary out bring the bad version to everybody
    flows.taken()
    assert flows.version() == old
    flows.talk("mended")
    flows.taken()
    assert flows.version() not in (old, new)


def test_a_step_back_that_cannot_be_written_is_taken_and_written_later(
    flows: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cti.core.errors import StoreUnavailable

    _, new = begin(flows)
    ended(flows, new, 20, 20)
    write = flows.history.write

    def refuse(*_args: object) -> int:
        raise StoreUnavailable("read-only")

    monkeypatch.setattr(flows.history, "write", refuse)
    with pytest.raises(StoreUnavailable):
        flows.reloader.judge_canaries()
    assert numbers(flows, new) == []
    monkeypatch.setattr(flows.history, "write", write)
    flows.reloader.judge_canaries()
    assert next(line.origin for line in flows.history.history("talk")) is Origin.CANARY_BACK
    flows.reloader.judge_canaries()
    assert [line.origin for line in flows.history.history("talk")].count(Origin.CANARY_BACK) == 1


def test_a_person_who_goes_back_ends_the_trial_of_the_files_version(flows: Folder) -> None:
    old, new = begin(flows)
    roll_back(flows, old)
    flows.taken()
    assert (flows.version(), dict(flows.library.canaries)) == (old, {})
    flows.history.write([], [Activation("talk", new, 2.0, "ann", Origin.ROLLBACK)])
    flows.taken()
    assert flows.version() == new


def test_the_api_tells_versions_findings_and_both_figures(flows: Folder) -> None:
    from cti.api.flows import Flows

    old, new = begin(flows)
    ended(flows, new, 4, 1)
    told = Flows(flows.library, flows.reloader, flows.history)
    detail = told.detail("talk", 10)
    assert detail is not None
    assert (detail["version"], detail["file_version"], detail["canary"]["version"]) == (old, new, new)
    assert detail["canary"]["figures"]["error_rate"] == 0.25
    assert detail["canary"]["figures_of_active"]["calls"] == 0
    assert [line["origin"] for line in detail["history"]] == ["canary", "file"]
    flows.save("talk.yaml", "flow: talk\n")
    flows.attempt()
    (talk,) = [one for one in told.all() if one["flow"] == "talk"]
    assert talk["version"] == old
    assert {finding["code"] for finding in talk["findings"]} == {"missing-option"}
    last = told.last_attempt()
    assert last is not None
    assert last["taken"] is False
    assert told.detail("nobody", 10) is None
