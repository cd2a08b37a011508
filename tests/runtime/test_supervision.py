"""Supervisors on agents' talks, over the whole floor: who hears whom in each mode, and whoever goes first."""

from __future__ import annotations

import pytest

from cti.acd import outputs as o
from cti.acd.states import ContactState
from cti.core import legs as l
from cti.core.errors import CtiError
from cti.runtime.floor.owner import FloorRefused

from .floorkit import Desks, desks, shared
from .platform import summary, uuid_of
from .test_floor import ready, with_bert

__all__ = ["desks", "shared"]  # fixtures


def on(desks: Desks, contact: str, mode: str) -> str:
    """A supervisor's leg that listens so."""
    watch = desks.watch(contact, mode)
    desks.until(lambda: watch.on, f"{mode} is on")
    return watch.leg


def states(desks: Desks) -> list[tuple[str, str]]:
    return [(state, reason) for state, reason in desks.told("contact.monitored", "state", "reason")]


def test_listen_whisper_barge_and_who_hears_whom(desks: Desks) -> None:
    caller = desks.talk()
    contact, agent = uuid_of(caller), desks.leg("anna")
    supervisor = on(desks, contact, "listen")

    def heard() -> tuple[bool, bool, bool, bool]:
        """The supervisor hears caller and agent; agent, and caller, hear the supervisor."""
        return (desks.heard(supervisor, contact), desks.heard(supervisor, agent),
                desks.heard(agent, supervisor), desks.heard(contact, supervisor))  # fmt: skip

    assert heard() == (True, True, False, False)
    for mode, expected in [
        ("whisper", (True, True, True, False)),
        ("barge", (True, True, True, True)),
        ("whisper", (True, True, True, False)),
        ("listen", (True, True, False, False)),
    ]:
        assert desks.watch(contact, mode).leg == supervisor, "the same leg, in another mode"
        desks.until(lambda expected=expected: heard() == expected, f"{mode}: {heard()}")  # type: ignore[misc]
    desks.desk.hold("anna", contact)
    assert not desks.heard(contact, supervisor), "on hold: music and nothing else"
    desks.desk.retrieve("anna", contact)
    assert desks.state(contact) is ContactState.TALKING
    desks.parts.supervision.end("u-super", contact)
    assert states(desks)[-1] == ("ended", "supervisor")
    desks.until(lambda: supervisor not in desks.platform.switch.core.channels, "the supervisor's phone is free")
    assert desks.bridged(contact, agent)
    with pytest.raises(FloorRefused) as nothing:
        desks.parts.supervision.end("u-super", contact)
    assert nothing.value.code == "not-monitored"
    with pytest.raises(CtiError) as mode_:
        desks.watch(contact, "shout")
    assert mode_.value.code == "bad-mode"


def test_a_whisper_is_never_on_the_customer_s_side_nor_in_the_recording(desks: Desks) -> None:
    """Looked at with every event of the switch, from before the supervisor answers to after the end."""
    caller = desks.talk()
    contact, leaks = uuid_of(caller), []

    def look(_event: l.LegEvent) -> None:
        supervisors = [leg for leg in desks.platform.switch.core.channels if leg not in (contact, agent)]
        leaks.extend(leg for leg in supervisors if desks.heard(contact, leg))

    agent = desks.leg("anna")
    desks.parts.talks.leg_listeners.insert(0, look)
    supervisor = on(desks, contact, "whisper")
    desks.until(lambda: desks.heard(agent, supervisor), "the agent hears it")
    desks.channel(supervisor).core.type_keys(desks.channel(supervisor), "3")  # eavesdrop's own key for both
    desks.desk.hold("anna", contact)
    desks.desk.retrieve("anna", contact)
    desks.until(lambda: desks.heard(agent, supervisor), "again")
    caller.hangup()
    detail = desks.platform.over(caller)
    desks.parts.talks.leg_listeners.remove(look)
    assert leaks == []
    # What is recorded is the customer's leg: what the customer says and hears.
    assert [recording.kind for recording in detail.recordings] == ["talk"]
    desks.until(lambda: states(desks)[-1] == ("ended", "talk_over"), "it ends with the talk")


def test_the_talk_ends_while_the_supervisor_s_phone_rings(desks: Desks) -> None:
    caller = desks.talk()
    desks.watch(uuid_of(caller), "barge", answer_after=None)
    desks.until(lambda: desks.platform.switch.core.directory.phones["1004"].calls, "it rings")
    caller.hangup()
    desks.platform.over(caller)
    desks.until(lambda: states(desks)[-1] == ("ended", "talk_over"), "told")
    desks.until(lambda: not desks.platform.switch.core.channels, "no phone rings on")


def test_a_supervisor_who_is_not_there_or_goes(desks: Desks) -> None:
    caller = desks.talk()
    contact, agent = uuid_of(caller), desks.leg("anna")
    desks.watch(contact, "listen", refuse="USER_BUSY")
    desks.until(lambda: states(desks)[-1] == ("ended", "busy"), "busy")
    supervisor = on(desks, contact, "barge")
    desks.channel(supervisor).hangup("NORMAL_CLEARING")
    desks.until(lambda: states(desks)[-1] == ("ended", "supervisor"), "gone")
    assert desks.bridged(contact, agent)
    assert desks.state(contact) is ContactState.TALKING


def test_another_mode_is_asked_for_while_the_first_one_begins(desks: Desks) -> None:
    """The phone is answered, and the switch has not said yet that the supervisor hears the talk."""
    caller = desks.talk()
    contact, agent = uuid_of(caller), desks.leg("anna")
    watch = desks.watch(contact, "listen")

    def answered(event: l.LegEvent) -> None:
        if event == l.LegAnswered(watch.leg):
            assert desks.watch(contact, "barge") is watch
            assert not watch.on

    desks.parts.talks.leg_listeners.append(answered)
    desks.until(lambda: watch.on, "it is on")
    desks.parts.talks.leg_listeners.remove(answered)
    desks.until(lambda: desks.heard(agent, watch.leg) and desks.heard(contact, watch.leg), "both hear the supervisor")
    assert desks.told("contact.monitored", "mode") == ["listen", "barge"]
    assert states(desks) == [("ringing", ""), ("on", "")]
    assert desks.watch(contact, "take_over") is watch
    desks.until(lambda: desks.bridged(contact, watch.leg), "the supervisor has the caller")
    assert states(desks)[2:] == [("ended", "take_over")]
    desks.channel(watch.leg).hangup("NORMAL_CLEARING")
    desks.platform.over(caller)


def test_take_over(desks: Desks) -> None:
    caller = desks.talk()
    contact = uuid_of(caller)
    watch = desks.watch(contact, "take_over")
    desks.until(lambda: desks.bridged(contact, watch.leg), "the supervisor has the caller")
    desks.until(lambda: desks.state(contact) is ContactState.WORK, "anna is done")
    desks.channel(watch.leg).hangup("NORMAL_CLEARING")
    assert summary(desks.platform.over(caller)) == ("flow_end", "talked", ("helped",))


def test_who_takes_over_as_an_agent_has_a_contact_of_their_own(desks: Desks) -> None:
    desks.sign_in("cleo", "1003")
    desks.parts.lines.set_not_ready("cleo", "supervision")
    caller = desks.talk()
    contact = uuid_of(caller)
    watch = desks.watch(contact, "take_over", agent="cleo")
    desks.until(lambda: desks.bridged(contact, watch.leg), "the supervisor has the caller")
    [taken] = [as_ for as_ in desks.told("contact.monitored", "taken_as") if as_]
    desks.until(lambda: desks.state(taken) is ContactState.TALKING, "the talk is the supervisor's")
    desks.until(lambda: desks.state(contact) is ContactState.WORK, "anna is done")
    desks.desk.hold("cleo", taken)
    assert desks.state(taken) is ContactState.HOLD
    desks.desk.retrieve("cleo", taken)
    assert desks.bridged(contact, watch.leg)
    with pytest.raises(FloorRefused) as not_hers:
        desks.desk.hold("anna", contact)
    assert not_hers.value.code == "contact-over"
    desks.desk.hang_up("cleo", taken)
    assert desks.state(taken) is ContactState.WORK
    detail = desks.platform.over(caller)
    assert summary(detail) == ("flow_end", "talked", ("helped",))
    assert len([leg for leg in detail.legs if leg.role == "agent"]) == 2
    for agent, one in (("anna", contact), ("cleo", taken)):
        desks.parts.orders.finish(agent, one, {})
    handled = {fact.contact: (fact.agent, fact.queue, fact.medium) for fact in desks.kinds(o.Handled)}
    assert (handled[contact], handled[taken]) == (("anna", "desk", "voice"), ("cleo", "desk", "voice"))
    entries = [fact.contact for fact in desks.kinds(o.EntryBegan)]
    assert (entries.count(contact), entries.count(taken)) == (1, 0)


def test_who_has_no_hand_free_takes_over_as_nobody(desks: Desks) -> None:
    with_bert(desks)
    first = desks.talk()
    second = desks.platform.call("desk")
    ready(desks, "bert")
    desks.until(lambda: desks.state(uuid_of(second)) is ContactState.TALKING, "bert has the second")
    watch = desks.watch(uuid_of(first), "take_over", agent="bert")
    desks.until(lambda: desks.bridged(uuid_of(first), watch.leg), "bert has both callers")
    assert desks.told("contact.monitored", "taken_as")[-1] is None
    assert desks.state(uuid_of(second)) is ContactState.TALKING
    desks.channel(watch.leg).hangup("NORMAL_CLEARING")
    assert summary(desks.platform.over(first)) == ("flow_end", "talked", ("helped",))


def test_a_take_over_that_does_not_come_about_leaves_the_caller_where_it_was(desks: Desks) -> None:
    """Her phone dies before the two are joined. What comes then is anna's, as before."""
    desks.sign_in("cleo", "1003")
    desks.parts.lines.set_not_ready("cleo", "supervision")
    caller = desks.talk()
    contact, agent = uuid_of(caller), desks.leg("anna")
    watch = desks.watch(contact, "take_over", agent="cleo")
    order = type(desks.parts.talks).hand_over

    def lost(talks: object, heir: object, party: object) -> None:
        desks.channel(watch.leg).hangup("NORMAL_CLEARING")
        order(talks, heir, party)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(desks.parts.talks), "hand_over", lost)
        desks.until(lambda: desks.told("contact.monitored", "taken_as")[-1], "the order is given")
        [taken] = [as_ for as_ in desks.told("contact.monitored", "taken_as") if as_]
        desks.until(lambda: desks.state(taken) is None, "nobody's contact is left over")
    assert desks.bridged(contact, agent)
    assert desks.state(contact) is ContactState.TALKING
    desks.desk.hold("anna", contact)
    desks.desk.retrieve("anna", contact)
    caller.hangup()
    assert summary(desks.platform.over(caller))[0] == "caller_hangup"
    desks.until(lambda: desks.state(contact) is ContactState.WORK, "anna's talk ended with the caller")


def test_the_agent_goes_while_the_supervisor_s_phone_rings_to_take_over(desks: Desks) -> None:
    caller = desks.talk()
    contact = uuid_of(caller)
    desks.watch(contact, "take_over", answer_after=None)
    desks.until(lambda: desks.platform.switch.core.directory.phones["1004"].calls, "it rings")
    desks.channel(desks.leg("anna")).hangup("NORMAL_CLEARING")
    assert summary(desks.platform.over(caller)) == ("flow_end", "talked", ("helped",)), "as after any talk"
    desks.until(lambda: states(desks)[-1] == ("ended", "talk_over"), "told")
    desks.until(lambda: not desks.platform.switch.core.channels, "no phone rings on")


def test_the_agent_s_leg_dies_in_the_moment_of_the_take_over(desks: Desks) -> None:
    """The order to bridge is given already: the caller is the supervisor's, and the flow does not go on meanwhile."""
    caller = desks.talk()
    contact, agent = uuid_of(caller), desks.leg("anna")
    watch = desks.watch(contact, "take_over")

    def answered(event: l.LegEvent) -> None:
        if event == l.LegAnswered(watch.leg):
            desks.channel(agent).hangup("NORMAL_CLEARING")

    desks.parts.talks.leg_listeners.append(answered)
    desks.until(lambda: desks.bridged(contact, watch.leg), "the supervisor has the caller")
    desks.parts.talks.leg_listeners.remove(answered)
    desks.until(lambda: desks.state(contact) is ContactState.WORK, "anna is done")
    assert desks.platform.spoken(caller) == [], "the flow waits"
    desks.channel(watch.leg).hangup("NORMAL_CLEARING")
    assert summary(desks.platform.over(caller)) == ("flow_end", "talked", ("helped",))


def test_the_supervisor_s_leg_dies_in_the_moment_of_the_take_over(desks: Desks) -> None:
    caller = desks.talk()
    contact, agent = uuid_of(caller), desks.leg("anna")
    watch = desks.watch(contact, "take_over")

    def answered(event: l.LegEvent) -> None:
        if event == l.LegAnswered(watch.leg):
            desks.channel(watch.leg).hangup("NORMAL_CLEARING")

    desks.parts.talks.leg_listeners.append(answered)
    desks.until(
        lambda: watch.leg not in desks.platform.switch.core.channels and states(desks)[-1][0] == "ended", "gone"
    )
    desks.parts.talks.leg_listeners.remove(answered)

    def goes_on() -> bool:
        """With the agent, as before; or, where the switch had parted them already, in the flow."""
        return desks.bridged(contact, agent) or bool(caller.cause)

    desks.until(goes_on, "the caller is not lost")
    if desks.bridged(contact, agent):
        assert desks.state(contact) is ContactState.TALKING
        desks.desk.hang_up("anna", contact)
    assert summary(desks.platform.over(caller)) == ("flow_end", "talked", ("helped",))


def test_no_take_over_while_the_agent_consults(desks: Desks) -> None:
    with_bert(desks)
    caller = desks.talk()
    contact = uuid_of(caller)
    ready(desks, "bert")
    desks.desk.consult("anna", contact, "agent", "bert")
    with pytest.raises(FloorRefused) as refused:
        desks.watch(contact, "take_over")
    assert refused.value.code == "not-talking"
    desks.desk.return_("anna", contact)


def test_the_one_who_consults_goes_in_the_moment_of_the_hand_over(desks: Desks) -> None:
    """Warm transfer: the order to join the two is given, and the first agent's leg dies before it is done."""
    with_bert(desks)
    caller = desks.talk()
    contact, first = uuid_of(caller), desks.leg("anna")
    ready(desks, "bert")
    desks.desk.consult("anna", contact, "agent", "bert")
    asked = desks.consult(contact)
    desks.until(lambda: desks.state(asked) is ContactState.TALKING, "bert is asked")
    second = desks.leg("bert")
    bridge = type(desks.parts.talks).hand_over

    def dying(talks: object, heir: object, party: object) -> None:
        bridge(talks, heir, party)  # type: ignore[arg-type]
        desks.channel(first).hangup("NORMAL_CLEARING")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(desks.parts.talks), "hand_over", dying)
        desks.desk.complete("anna", contact)
    desks.until(lambda: desks.bridged(contact, second), "bert has the caller")
    desks.until(lambda: desks.state(contact) is ContactState.WORK, "anna is done")
    assert desks.platform.spoken(caller) == [], "the flow waits"
    desks.desk.hang_up("bert", asked)
    assert summary(desks.platform.over(caller)) == ("flow_end", "talked", ("helped",))


def test_a_supervisor_comes_to_who_asked_for_help(desks: Desks) -> None:
    caller = desks.talk()
    contact, orders = uuid_of(caller), desks.parts.orders
    orders.assist("anna", contact, True, "wants the manager")
    case = desks.parts.owner.acd.floor.cases[contact]
    shown = desks.parts.views.contact(case)["assist"]
    assert (shown["note"], shown["supervisors"]) == ("wants the manager", [])
    orders.assist("anna", contact, False, "")
    assert desks.parts.views.contact(case)["assist"] is None
    orders.assist("anna", contact, True, "again")
    on(desks, contact, "whisper")
    assert desks.parts.views.contact(case)["assist"]["supervisors"] == ["u-super"]
    desks.desk.hang_up("anna", contact)
    assert desks.told("contact.assist", "state", "note", "supervisor") == [
        ("asked", "wants the manager", ""),
        ("cancelled", "wants the manager", ""),
        ("asked", "again", ""),
        ("answered", "again", "u-super"),
        ("over", "again", ""),
    ]
