"""Callers are handed to another platform and taken back, with what is known of them in SIP headers."""

from __future__ import annotations

from typing import Any

import pytest

from cti.core.calls import HandOver
from cti.core.errors import CtiError
from cti.switch.dialing import Dialing, OtherPlatform
from cti.switch.handover import headers_of, returned

from .platform import Platform, path, summary, uuid_of

TOLD = HandOver("5d7e-1", "13800000000", "10086", ("hotline.main", "hotline.bill"), "4711")


class Channel:
    def __init__(self, **variables: str) -> None:
        self._variables = variables

    def variable(self, name: str) -> str | None:
        return self._variables.get(name.replace("-", "_"))


def test_what_goes_with_a_caller() -> None:
    assert headers_of(TOLD) == {
        "X-CTI-Call": "5d7e-1",
        "X-CTI-Caller": "13800000000",
        "X-CTI-Called": "10086",
        "X-CTI-Path": "hotline.main/hotline.bill",
        "X-CTI-Identity": "4711",
    }


@pytest.mark.parametrize("foreign", ["", "a,b", "x]y", "${system(id)}", "a b", "a\r\nb", "é", "1" * 201, None])
def test_what_has_no_such_form_is_left_out(foreign: Any) -> None:
    told = headers_of(HandOver("5d7e-1", foreign, "10086", (), foreign or ""))
    assert set(told) == {"X-CTI-Call", "X-CTI-Called"}


def test_of_a_long_path_the_newest_nodes_are_told() -> None:
    nodes = tuple(f"flow.node{number}" for number in range(40))
    told = headers_of(HandOver("c", None, "1", nodes))["X-CTI-Path"]
    assert len(told) <= 200
    assert told.split("/") == list(nodes[-len(told.split("/")) :])


def test_the_word_of_a_trunk_that_is_no_platforms_is_not_taken() -> None:
    headers = {"sip_h_X_CTI_Identity": "4711", "sip_h_X_CTI_Caller": "13800000000", "sip_h_X_CTI_Path": "a.b"}
    assert returned(Channel(cti_trunk="carrier", **headers), {"oldpbx": "old"}) == {}
    assert returned(Channel(**headers), {"oldpbx": "old"}) == {}
    assert returned(Channel(cti_trunk="oldpbx", **headers), {"oldpbx": "old"}) == {
        "platform": "old",
        "path": "a.b",
        "identity": "4711",
        "caller": "13800000000",
    }
    bad = {"sip_h_X_CTI_Caller": "sip:x", "sip_h_X_CTI_Identity": "${a}"}
    assert returned(Channel(cti_trunk="oldpbx", **bad), {"oldpbx": "old"}) == {"platform": "old"}


def test_what_is_dialled_is_the_configurations_or_what_the_caller_dialled() -> None:
    dialing = Dialing("d", platforms={"old": OtherPlatform("oldpbx"), "other": OtherPlatform("oldpbx", "4000")})
    assert dialing.platform_routes("old", TOLD, 5.4)[0].address == "sofia/gateway/oldpbx/10086"
    route = dialing.platform_routes("other", TOLD, 5.4)[0]
    assert route.address == "sofia/gateway/oldpbx/4000"
    assert dict(route.variables)["origination_caller_id_number"] == "13800000000"
    for name, told in (("new", TOLD), ("old", None), ("old", HandOver("c", None, "a@b"))):
        with pytest.raises(CtiError, match=r"platform|digits"):
            dialing.platform_routes(name, told, 5.0)


def test_a_caller_goes_to_the_other_platform_and_comes_back(platform: Platform) -> None:
    directory = platform.switch.core.directory
    directory.outside_default = type(directory.outside_default)(answer_after=0.1, hangup_after=0.2)
    caller = platform.call("handed")
    detail = platform.over(caller)
    assert (*summary(detail), path(detail)) == (
        "flow_end",
        "talked",
        (),
        [("hello", "next"), ("old", "talked"), ("back", "next"), ("bye", "end")],
    )
    (bridge,) = (e for e in platform.events(uuid_of(caller), "CHANNEL_EXECUTE") if e.get("Application") == "bridge")
    dialled = str(bridge.get("Application-Data"))
    assert dialled.endswith("]sofia/gateway/oldpbx/" + caller.called)
    for header in (
        f"sip_h_X-CTI-Call={uuid_of(caller)}",
        "sip_h_X-CTI-Caller=13800000000",
        "sip_h_X-CTI-Path=handed.hello/handed.old",
        "sip_h_X-CTI-Identity=4711",
        "origination_caller_id_number=13800000000",
    ):
        assert f",{header}" in dialled
    assert [leg.role for leg in detail.legs] == ["caller", "platform"]


def test_who_comes_from_the_other_platform_is_known_here(platform: Platform) -> None:
    told = {
        "cti_trunk": "oldpbx",
        "sip_h_X-CTI-Caller": "13800000009",
        "sip_h_X-CTI-Path": "old.menu",
        "sip_h_X-CTI-Identity": "4711",
    }
    caller = platform.call("10077", number="5550000", variables=told)
    detail = platform.over(caller)
    assert (summary(detail), platform.spoken(caller)) == (("flow_end", "known", ()), ["Welcome back after old.menu."])
    found = platform.application.store.find_call(detail.call.call_id, unmask=True)
    assert (found is not None and found.call.caller, detail.call.entry) == ("13800000009", "taken back")
    stranger = platform.call("10077", number="5550000", variables={**told, "cti_trunk": "carrier"})
    assert platform.over(stranger).call.entry == "no entry"
