"""Who may be dialled, and how it is said to the switch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.core.errors import CtiError
from cti.core.legs import Phone
from cti.switch.dialing import Dialing, Route, outcome_of
from cti.switch.orders import dial_string

OPEN = Dialing("cti.local", ("carrier", "spare"), ("86", "+1"), "861012345678")


def test_an_extension_rings_on_its_own_switch() -> None:
    assert OPEN.routes("extension", "1001", 19.6) == [Route("user/1001@cti.local", (("leg_timeout", "20"),))]
    assert OPEN.routes("agent", "1001", 0.1) == [Route("user/1001@cti.local", (("leg_timeout", "1"),))]


def test_a_number_goes_by_each_trunk_in_turn() -> None:
    own = (("leg_timeout", "30"), ("origination_caller_id_number", "861012345678"))
    assert OPEN.routes("number", "+8613900000001", 30) == [
        Route("sofia/gateway/carrier/8613900000001", own),
        Route("sofia/gateway/spare/8613900000001", own),
    ]


def test_without_an_own_number_none_is_shown() -> None:
    (route,) = Dialing("d", ("t",), ("86",)).routes("number", "8613900000001", 30)
    assert route == Route("sofia/gateway/t/8613900000001", (("leg_timeout", "30"),))


def test_an_agents_phone() -> None:
    rules = Dialing("cti.local", ("t",), ("86",), sip_hosts=("10.0.0.5", "pbx.example"))
    ring = (("leg_timeout", "20"),)
    assert rules.phone_routes(Phone("user/1001"), 20) == [Route("user/1001@cti.local", ring)]
    assert rules.phone_routes(Phone("number/+8613900000001"), 20) == [Route("sofia/gateway/t/8613900000001", ring)]
    assert rules.phone_routes(Phone("sip/anna@10.0.0.5:5070"), 20) == [Route("sofia/phones/anna@10.0.0.5:5070", ring)]
    assert rules.phone_routes(Phone("sip/anna@pbx.example"), 20) == [Route("sofia/phones/anna@pbx.example", ring)]


@pytest.mark.parametrize(
    "address",
    [
        "sip/anna@10.0.0.6",
        "sip/anna@10.0.0.50",
        "sip/anna",
        "sip/anna@10.0.0.5,user/1001",
        "sip/anna@10.0.0.5|user/1001",
        "sip/[x=y]anna@10.0.0.5",
        "sip/{x=y}anna@10.0.0.5",
        "sip/anna&park()@10.0.0.5",
        "sip/anna@10.0.0.5;fs_path=sip:elsewhere",
        "sip/^^:anna@10.0.0.5",
        "user/1001@evil.example",
        "number/8690012345",
    ],
)
def test_a_phone_that_is_not_dialled(address: str) -> None:
    rules = Dialing("cti.local", ("t",), ("86",), denied=("86900",), sip_hosts=("10.0.0.5",))
    with pytest.raises(CtiError) as refused:
        rules.phone_routes(Phone(address), 20)
    assert refused.value.code == "destination-denied"


DENIED = {
    "not allowed": (OPEN, "number", "8813900000001"),
    "nothing allowed": (Dialing("d", ("t",)), "number", "8613900000001"),
    "no trunk": (Dialing("d", (), ("86",)), "number", "8613900000001"),
    "international prefix": (OPEN, "number", "008613900000001"),
    "two plus signs": (OPEN, "number", "++8613900000001"),
    "out of the country by way of 0": (Dialing("d", ("t",), ("0",)), "number", "008613900000001"),
    "denied, dialled nationally": (Dialing("d", ("t",), ("0", "9"), denied=("+86900",)), "number", "09001234567"),
    "denied, dialled without the trunk prefix": (
        Dialing("d", ("t",), ("9",), denied=("0900",)),
        "number",
        "9001234567",
    ),
    "denied, dialled with the country": (Dialing("d", ("t",), ("86",), denied=("0900",)), "number", "+869001234567"),
    "denied, dialled from abroad": (Dialing("d", ("t",), ("00",), denied=("0900",)), "number", "00869001234567"),
    "denied behind 00": (Dialing("d", ("t",), ("00",), denied=("87",)), "number", "0087900000001"),
    "denied, written with +": (Dialing("d", ("t",), ("00",), denied=("+87",)), "number", "0087900000001"),
    "an injection": (OPEN, "number", "86139,sofia/gateway/x/1"),
    "another injection": (OPEN, "extension", "1001@evil.example"),
    "an application": (OPEN, "extension", "1001 &system(id)"),
    "a variable": (OPEN, "number", "86${system(id)}"),
    "line ends": (OPEN, "extension", "1001\n"),
    "digits of another script": (OPEN, "number", "86١٢٣٤٥٦"),
    "too long": (OPEN, "number", "86" + "1" * 14),
    "empty": (OPEN, "extension", ""),
    "a flow": (OPEN, "flow", "menu"),
}


@pytest.mark.parametrize(("dialing", "kind", "target"), DENIED.values(), ids=list(DENIED))
def test_what_is_not_dialled(dialing: Dialing, kind: str, target: str) -> None:
    with pytest.raises(CtiError) as refused:
        dialing.routes(kind, target, 30)
    assert refused.value.code == "destination-denied"
    assert target not in refused.value.message or len(target) < 5  # messages are logged; numbers are not


@given(kind=st.sampled_from(["agent", "extension", "number"]), target=st.text(max_size=20))
def test_no_text_gets_through_that_is_not_digits(kind: str, target: str) -> None:
    try:
        routes = OPEN.routes(kind, target, 30)
    except CtiError:
        return
    digits = target.removeprefix("+")
    assert digits.isascii()
    assert digits.isdigit()
    assert all(digits in route.address for route in routes)


@pytest.mark.parametrize("bad", ["", "a b", "x/y", "${x}", "a,b", "'"])
def test_names_of_trunks_are_words(bad: str) -> None:
    with pytest.raises(CtiError):
        Dialing("d", (bad,))
    with pytest.raises(CtiError):
        Dialing(bad or " ")


def test_phones_that_somebody_else_knows_are_rung_through_it() -> None:
    rules = Dialing("cti.local", phones_through="192.0.2.5:5060")
    (route,) = rules.routes("agent", "1001", 20)
    assert route == Route(
        "sofia/phones/1001@cti.local;fs_path=sip:192.0.2.5:5060",
        (("leg_timeout", "20"), ("presence_id", "1001@cti.local")),
    )
    for bad in ("192.0.2.5:5060,user/1002", "a b", "host:port", "${x}"):
        with pytest.raises(CtiError, match="no host:port"):
            Dialing("cti.local", phones_through=bad)


@pytest.mark.parametrize(
    ("disposition", "outcome"),
    [
        ("SUCCESS", "talked"), ("USER_BUSY", "busy"), ("CALL_REJECTED", "busy"), ("NO_ANSWER", "no_answer"),
        ("USER_NOT_REGISTERED", "no_answer"), ("OUTGOING_CALL_BARRED", "denied"), ("SUBSCRIBER_ABSENT", "no_answer"),
        ("ORIGINATOR_CANCEL", "failed"), ("", "failed"), (None, "failed"), ("WHATEVER", "failed"),
    ],
)  # fmt: skip
def test_the_switchs_word_for_a_flows_exit(disposition: str | None, outcome: str) -> None:
    assert outcome_of(disposition) == outcome


def test_the_dial_string() -> None:
    route = Route("user/1001@cti.local", (("leg_timeout", "20"),))
    assert dial_string(route, "the-uuid", "2") == (
        "{ignore_early_media=true,presence_data=2}[origination_uuid=the-uuid,leg_timeout=20]user/1001@cti.local"
    )


def test_a_phone_may_ring_for_longer_than_the_switch_dials() -> None:
    route = Route("sofia/phones/1001@127.0.0.1", (("leg_timeout", "600"),))
    assert dial_string(route, "the-uuid", "2") == (
        "{ignore_early_media=true,presence_data=2,originate_timeout=601}"
        "[origination_uuid=the-uuid,leg_timeout=600]sofia/phones/1001@127.0.0.1"
    )
