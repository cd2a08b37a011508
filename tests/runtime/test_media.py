"""Recording, fax and video through the whole engine on the embedded switch: files, records, what it was told."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from cti.core.calls import Medium
from cti.core.recordings import Recording, RecordingState
from cti.runtime.recordings import tape
from cti.switch.embedded import HangUp, Hear, Keys, Wait, apps_media
from cti.switch.embedded import api as api_table

from .platform import Platform, path, uuid_of

CONSENT = "To agree press 1"


def content(platform: Platform, kept: Recording) -> bytes:
    """As soon as it is sealed."""
    store, shelf = platform.application.accounts.store.recordings, platform.application.recordings.shelf

    def found() -> Recording | None:
        one = store.find(kept.recording_id)
        return one if one is not None and one.state is RecordingState.SEALED else None

    opened = shelf.open(platform.until(found, "it is sealed"))
    try:
        return b"".join(opened.part(0, opened.size))
    finally:
        opened.close()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The actions of `uuid_record`, in order."""
    seen: list[str] = []
    real = api_table.COMMANDS["uuid_record"]

    def spy(core: object, argument: str) -> object:
        seen.append(argument.split()[1])
        return real(core, argument)  # type: ignore[arg-type]

    monkeypatch.setitem(api_table.COMMANDS, "uuid_record", spy)
    return seen


def test_the_recording_is_masked_while_the_pin_is_asked(platform: Platform, told: list[str]) -> None:
    # The key of the next question comes late enough for the mask to have been lifted.
    late = Wait(tape.UNMASK_AFTER_S + 0.3)
    caller = platform.call(
        "tape", Hear(CONSENT), Keys("1"), Hear("PIN"), Keys("1234", 0.05), Hear("line"), late, Keys("5")
    )
    detail = platform.over(caller)
    assert path(detail)[:3] == [("agree", "next"), ("pin", "filled"), ("line", "filled")]
    assert told == ["start", "mask", "unmask", "stop"]
    (kept,) = detail.recordings
    pin, line = detail.visits[1], detail.visits[2]
    ((masked_from, masked_to),) = kept.masked
    assert pin.left_at is not None
    assert kept.started_at <= masked_from <= pin.entered_at + 0.1
    assert pin.left_at + tape.UNMASK_AFTER_S <= masked_to
    assert kept.ended_at is not None
    assert line.left_at is not None
    assert masked_to < line.left_at <= kept.ended_at + 0.1
    assert (kept.kind, kept.error, kept.paused) == ("flow", "", ())
    assert content(platform, kept)[:4] == b"RIFF"
    assert "13800000000" not in kept.recording_id


def test_who_hangs_up_while_masked_leaves_a_closed_span(platform: Platform, told: list[str]) -> None:
    detail = platform.over(platform.call("tape", Hear(CONSENT), Keys("1"), Hear("PIN"), HangUp()))
    (kept,) = detail.recordings
    assert [end for _, end in kept.masked] == [kept.ended_at]
    assert told == ["start", "mask"]


@pytest.mark.parametrize("keys", [Keys("2"), Keys("#")])
def test_without_consent_nothing_is_recorded(platform: Platform, told: list[str], keys: Keys) -> None:
    detail = platform.over(platform.call("tape", Hear(CONSENT), keys))
    assert (path(detail)[0], detail.recordings, told) == (("agree", "refused"), (), [])


def test_a_recording_that_cannot_be_made_is_noted_and_the_call_goes_on(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform.switch.core.files, "can_write", lambda path, make_folder=False: False)
    script = (Hear(CONSENT), Keys("1"), Hear("PIN"), Keys("1234", 0.05), Hear("line"), Keys("5"))
    detail = platform.over(platform.call("tape", *script))
    assert detail.call.outcome == "recorded"
    assert "recording-failed: start" in detail.call.error
    assert detail.recordings[0].error.startswith("recording-failed")


@pytest.mark.parametrize("called", ["10088", "01088881234"])
def test_a_call_to_a_number_for_faxes_begins_a_flow_for_faxes(platform: Platform, called: str) -> None:
    machine = platform.call(called)
    assert machine.channel is not None
    machine.channel.setvar(apps_media.FAR_FAX, "3")
    detail = platform.over(machine)
    assert (detail.call.medium, detail.call.entry, detail.call.flow) == (Medium.FAX, "fax number", "faxin")
    assert (path(detail)[0], detail.visits[0].note, detail.call.goals) == (("take", "ok"), "3 pages", ("received",))
    (kept,) = detail.recordings
    assert (kept.kind, kept.pages) == ("fax", 3)
    assert content(platform, kept)


def test_a_person_who_calls_a_number_for_faxes(platform: Platform) -> None:
    detail = platform.over(platform.call("10088"))
    assert (detail.call.medium, detail.call.outcome) == (Medium.FAX, "nothing")
    assert path(detail)[0][0] == "take"


def test_faxes_go_both_ways(platform: Platform) -> None:
    caller = platform.call("faxes")
    assert caller.channel is not None
    caller.channel.setvar(apps_media.FAR_FAX, "2")
    detail = platform.over(caller)
    assert path(detail)[:2] == [("give", "ok"), ("take", "ok")]
    assert [visit.note for visit in detail.visits][:2] == ["1 pages", "2 pages"]
    (kept,) = detail.recordings
    assert (kept.kind, kept.pages, kept.error) == ("fax", 2, "")
    with Image.open(io.BytesIO(content(platform, kept))) as image:
        assert image.n_frames == 2
    outgoing = platform.folder / "data" / "faxes"
    platform.until(lambda: not list(outgoing.iterdir()), "what was sent is deleted")


def test_a_person_is_no_fax_machine(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps_media, "NOBODY_S", 0.3)
    detail = platform.over(platform.call("faxes"))
    assert path(detail)[:2] == [("give", "failed"), ("no", "next")]


def test_a_fax_that_takes_too_long_is_given_up_and_the_caller_spoken_to(platform: Platform) -> None:
    caller = platform.call("faxes")
    detail = platform.over(caller, 20)
    assert path(detail)[:2] == [("give", "timeout"), ("no", "next")]
    assert platform.spoken(caller) == ["No fax."]


def test_who_hangs_up_during_a_fax_ends_the_call(platform: Platform) -> None:
    caller = platform.call("faxes", Wait(0.5), HangUp())
    detail = platform.over(caller)
    assert str(detail.call.terminal_cause) == "caller_hangup"
    assert path(detail)[0][0] == "give"


@pytest.mark.parametrize(
    ("module", "offered", "flow", "outcome"),
    [
        (False, True, "sendrecv", "told"),
        (True, False, "", "told"),
        (True, True, "sendrecv", "seen"),
        (True, True, "sendonly", "seen"),
        (True, True, "recvonly", "told"),
    ],
)
def test_a_video_is_shown_where_both_ends_have_video(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, module: bool, offered: bool, flow: str, outcome: str
) -> None:
    asked: list[str] = []

    def module_exists(core: object, argument: str) -> str:
        asked.append(argument)
        return str(module).lower()

    monkeypatch.setitem(api_table.COMMANDS, "module_exists", module_exists)
    caller = platform.call("film")
    assert caller.channel is not None
    if offered:
        caller.channel.setvar("rtp_video_pt", "96")
        caller.channel.setvar("video_media_flow", flow)
    detail = platform.over(caller)
    assert (detail.call.outcome, asked) == (outcome, ["mod_av"])
    assert path(detail)[0] == ("show", "next" if outcome == "seen" else "unsupported")
    films = [e.get("Playback-File-Path") for e in platform.events(uuid_of(caller), "PLAYBACK_START")]
    assert [str(film).endswith("film.mp4") for film in films] == ([True] if outcome == "seen" else [False])
