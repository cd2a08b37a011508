"""``/switch/directory`` as mod_xml_curl asks it, and the passwords of phones."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from falcon import testing

from cti.core.people import AgentProfile
from cti.switch.conf.configuration import TrunkSettings
from cti.switch.conf.directory import ha1
from tests.api.site import DEED, Platform

PATH = "/switch/directory"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
#: What a switch sends at a REGISTER, as FreeSWITCH 1.10.12 does.
ASKED = {
    "hostname": "fs1", "section": "directory", "tag_name": "domain", "key_name": "name", "key_value": "cti.local",
    "Event-Name": "REQUEST_PARAMS", "action": "sip_auth", "sip_auth_username": "1001", "sip_auth_method": "REGISTER",
    "key": "id", "user": "1001", "domain": "cti.local", "ip": "192.0.2.7",
}  # fmt: skip
NOT_FOUND = b'<document type="freeswitch/xml"><section name="result"><result status="not found" /></section></document>'


def credentials(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def key_of(platform: Platform, name: str) -> str:
    """``<id>:<secret>`` of a new key of this user."""
    _, text = platform.services.accounts.add_key(f"u-{name}", "test", DEED)
    return text.removeprefix("ctik_").replace("_", ":", 1)


@pytest.fixture(scope="module")
def key(platform: Platform) -> str:
    return key_of(platform, "fs1")


def ask(platform: Platform, key: str, more: Mapping[str, str] | None = None, body: str | None = None) -> testing.Result:
    form = urlencode({**ASKED, **(more or {})}) if body is None else body
    return platform.anybody.simulate_post(PATH, body=form, headers={**FORM, **credentials(key)})


def user_of(answer: testing.Result) -> dict[str, str]:
    root = ElementTree.fromstring(answer.content)
    (user,) = root.findall("section[@name='directory']/domain[@name='cti.local']/groups/group/users/user")
    named = [*user.findall("params/param"), *user.findall("variables/variable")]
    return {"id": user.get("id", ""), **{str(one.get("name")): str(one.get("value")) for one in named}}


def test_a_phone_is_told_with_the_hash_of_its_password(platform: Platform, key: str) -> None:
    answer = ask(platform, key)
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    password = platform.store.accounts.agents.sip_password("1001")
    assert password is not None
    assert password not in answer.text
    assert user_of(answer) == {
        "id": "1001", "a1-hash": ha1("1001", "cti.local", password), "user_context": "phones", "cti_phone": "1001",
        "effective_caller_id_number": "1001", "effective_caller_id_name": "anna",
    }  # fmt: skip
    params = ElementTree.fromstring(answer.content).findall("section/domain/params/param")
    assert {param.get("name"): param.get("value") for param in params} == {
        "dial-string": "{^^:presence_id=${dialed_user}@${dialed_domain}}sofia/phones/${dialed_user}%${dialed_domain}",
        "allow-empty-password": "false",
    }


def test_ha1_is_that_of_the_standard() -> None:
    assert ha1("Mufasa", "testrealm@host.com", "Circle Of Life") == "939e7578ed9e3c518a452acee763bce9"


@pytest.mark.parametrize(
    "more",
    [
        {"user": "2999"},
        {"user": ""},
        {"user": "1001' OR '1'='1"},
        {"user": "１００１"},
        {"domain": "trunks"},
        {"domain": ""},
        {"section": "dialplan"},
        {"section": "configuration", "tag_name": "configuration"},
        {"section": ""},
    ],
)
def test_what_is_not_known_is_left_to_the_switch(platform: Platform, key: str, more: dict[str, str]) -> None:
    answer = ask(platform, key, more)
    assert (answer.status_code, answer.content.strip()) == (200, NOT_FOUND)


TRUNKS = "trunks:\n  - {name: fresh, address: 192.0.2.9}\n"
CONFIGURED = {
    "section": "configuration",
    "tag_name": "configuration",
    "key_value": "sofia.conf",
    "user": "",
    "domain": "",
}
LISTED = {"user": "", "domain": "trunks", "key_value": "trunks", "purpose": "network-list"}


@pytest.fixture
def trunks(platform: Platform, tmp_path: Path) -> Iterator[Path]:
    """The settings of the switch fs1."""
    file = tmp_path / "switch.yaml"
    file.write_text(TRUNKS)
    platform.trunks["fs1"] = TrunkSettings(file)
    yield file
    platform.trunks.clear()


def of_switch(platform: Platform, key: str, switch: str, more: Mapping[str, str]) -> testing.Result:
    return platform.anybody.simulate_post(
        f"{PATH}?switch={switch}", body=urlencode({**ASKED, **more}), headers={**FORM, **credentials(key)}
    )


@pytest.mark.parametrize(
    ("more", "named"),
    [(CONFIGURED, ".//gateway[@name='fresh']"), (LISTED, ".//user[@id='fresh.0']"),
     ({**LISTED, "user": "fresh.0"}, ".//user[@id='fresh.0']")],
)  # fmt: skip
def test_a_switch_is_told_its_trunks(
    platform: Platform, key: str, trunks: Path, more: dict[str, str], named: str
) -> None:
    answer = of_switch(platform, key, "fs1", more)
    assert answer.headers["cache-control"] == "no-store"
    assert ElementTree.fromstring(answer.content).find(named) is not None
    assert of_switch(platform, key, "fs2", more).content.strip() == NOT_FOUND
    assert ask(platform, key, more).content.strip() == NOT_FOUND  # as one that does not ask for it
    trunks.write_text("trunks: [{name: broken}]\n")
    assert of_switch(platform, key, "fs1", more).content.strip() == NOT_FOUND  # it has the last good ones
    assert of_switch(platform, "nobody:nothing", "fs1", more).status_code == 401


def test_a_key_is_one_switchs(platform: Platform, key: str, trunks: Path) -> None:
    other = key_of(platform, "fs2")
    for more in (CONFIGURED, LISTED, {}):  # fs1's trunks, and fs1's phones as a switch that is told its trunks asks
        assert of_switch(platform, other, "fs1", more).status_code == 404
        (line,) = platform.store.accounts.audit.lines(limit=1)
        assert (line.author.name, line.target, line.allowed, line.reason) == (
            "fs2", "switch:fs1", False, "out-of-scope"
        )  # fmt: skip
    assert ask(platform, other).content.strip() == NOT_FOUND
    two = ask(platform, other, {"domain": "two.local"})
    assert ElementTree.fromstring(two.content).find(".//domain[@name='two.local']//user[@id='1001']") is not None
    assert ask(platform, key, {"domain": "two.local"}).content.strip() == NOT_FOUND
    for name, domain, status in (("fs1", "cti.local", 200), ("fs1", "two.local", 404), ("fs2", "cti.local", 404)):
        assert platform.do(name, "GET", PATH, params={"domain": domain}).status_code == status


@pytest.mark.parametrize(
    "role",
    [{"role": "switch"}, {"role": "switch", "scope": "*"}, {"role": "switch", "scope": "team:north"},
     {"role": "switch", "scope": "switch:"}, {"role": "agent", "scope": "switch:fs1"},
     {"role": "admin", "scope": "switch:fs1"}],
)  # fmt: skip
def test_the_role_is_granted_for_one_switch_and_no_other_role_is(platform: Platform, role: dict[str, str]) -> None:
    refused = platform.do("root", "PUT", "/v1/users/u-fs1/roles", {"roles": [role]})
    assert (refused.status_code, refused.json["error_id"]) == (422, "bad-scope")


@pytest.mark.parametrize("more", [{**CONFIGURED, "key_value": "acl.conf"}, {**LISTED, "user": "fresh.9"}])
def test_the_rest_of_the_configuration_is_in_its_files(
    platform: Platform, key: str, trunks: Path, more: dict[str, str]
) -> None:
    assert of_switch(platform, key, "fs1", more).content.strip() == NOT_FOUND


def test_a_phone_is_told_to_a_switch_that_asks_for_its_trunks(platform: Platform, key: str, trunks: Path) -> None:
    assert user_of(of_switch(platform, key, "fs1", {}))["id"] == "1001"


@pytest.mark.parametrize(
    "body",
    [
        urlencode({**ASKED, "user": "1001\r\nX: 1"}),
        urlencode({**ASKED, "user": "1001\0"}),
        urlencode({**ASKED, "domain": "cti\x7f.local"}),
        urlencode({**ASKED, "user": "9" * 300}),
        urlencode(ASKED) + "&user=1002",
        "section=directory&domain=cti.local&user=%FF%FE",
        "&".join(f"f{number}=1" for number in range(600)),
        urlencode(ASKED) + "&user=\u00e9",
    ],
)
def test_what_cannot_be_meant_is_refused(platform: Platform, key: str, body: str) -> None:
    answer = ask(platform, key, body=body)
    assert (answer.status_code, answer.json["error_id"]) == (400, "bad-request"), answer.text


def test_the_rest_of_a_request_may_be_what_a_phone_has_made_up(platform: Platform, key: str) -> None:
    body = urlencode({**ASKED, "sip_user_agent": "<\0>\r\n", "X-Evil": "</document>"}) + "&broken=%FF&user=1001"
    assert user_of(ask(platform, key, body=body))["id"] == "1001"


def test_a_body_of_another_kind_or_too_large_is_refused(platform: Platform, key: str) -> None:
    for headers, body, status in (
        ({"Content-Type": "application/json"}, "{}", 415),
        (FORM, "user=" + "1" * 70_000, 413),
    ):
        answer = platform.anybody.simulate_post(PATH, body=body, headers={**headers, **credentials(key)})
        assert answer.status_code == status


def test_a_name_is_data(fresh: Platform) -> None:
    nasty = '<!"/></user><X-PRE-PROCESS cmd="exec" data="id"/>$${cti_domain}${x} \'é <!--'
    agents = fresh.store.accounts.agents
    agents.save([AgentProfile("1001", "u-anna", nasty, "north", phone="1001")], DEED)
    answers = [ask(fresh, key_of(fresh, "fs1")), fresh.do("fs1", "GET", PATH, params={"domain": "cti.local"})]
    for answer in answers:
        # The switch's preprocessor reads text, not XML: none of its commands, variables and comments may stand there.
        assert [part for part in ("<X-PRE", "<!--", "$") if part in answer.text] == []
        root = ElementTree.fromstring(answer.content)
        values = [one.get("value") for one in root.iter("variable") if one.get("name") == "effective_caller_id_name"]
        assert nasty.replace("<!", "< !") in values  # for the switch's own serializer, see `shown_name`


def test_who_may_ask(platform: Platform, key: str) -> None:
    key_id, _, secret = key.partition(":")
    for wrong in (f"{key_id}:{secret}x", f"nope:{secret}", f"{key_id}:", ":", "", key_id):
        answer = ask(platform, wrong)
        assert (answer.status_code, answer.json["error_id"]) == (401, "bad-token"), wrong
    for header in ("Basic", "Basic !!!", "Digest abc"):
        answer = platform.anybody.simulate_post(PATH, body="", headers={**FORM, "Authorization": header})
        assert answer.status_code == 401
    assert platform.anybody.simulate_post(PATH, body="", headers=FORM).status_code == 401


def test_basic_opens_nothing_else(platform: Platform) -> None:
    root = credentials(key_of(platform, "root"))
    assert platform.anybody.simulate_get("/v1/users", headers=root).status_code == 401


def test_another_role_is_refused_and_audited_and_what_is_answered_is_not(fresh: Platform) -> None:
    switch, admin = key_of(fresh, "fs1"), key_of(fresh, "root")
    before = fresh.store.accounts.audit.lines(limit=1)[0].number
    for _ in range(400):  # more than any account may ask elsewhere: all phones come at once after a restart
        assert ask(fresh, switch).status_code == 200
    assert ask(fresh, admin).status_code == 403
    (line,) = [line for line in fresh.store.accounts.audit.lines(limit=9) if line.number > before]
    assert (line.author.name, line.action, line.permission, line.allowed) == (
        "root", f"POST {PATH}", "phones.directory", False
    )  # fmt: skip


def test_a_revoked_key_and_a_disabled_agent(fresh: Platform) -> None:
    key = key_of(fresh, "fs1")
    fresh.services.accounts.set_disabled("u-anna", True, DEED)
    assert ask(fresh, key).content.strip() == NOT_FOUND
    fresh.services.accounts.revoke_key("u-fs1", key.partition(":")[0], DEED)
    assert ask(fresh, key).status_code == 401


def test_all_phones_at_once(fresh: Platform) -> None:
    agents = fresh.store.accounts.agents
    agents.save([AgentProfile("1002", "u-ben", "ben", "south", phone="+8613800001234")], DEED)  # not of the house
    answer = fresh.do("fs1", "GET", PATH, params={"domain": "cti.local"})
    assert [user.get("id") for user in ElementTree.fromstring(answer.content).findall("user")] == ["1001"]
    assert fresh.do("fs1", "GET", PATH, params={"domain": "other"}).status_code == 404
    assert fresh.do("fs1", "GET", PATH, params={"domian": "cti.local"}).status_code == 400


def test_a_rotated_password_is_shown_once_and_audited(fresh: Platform) -> None:
    path, key = "/v1/phones/1001/password", key_of(fresh, "fs1")
    old = fresh.store.accounts.agents.sip_password("1001")
    before = user_of(ask(fresh, key))["a1-hash"]
    once = {"Idempotency-Key": "k1"}
    tokens = {"Authorization": f"Bearer {fresh.token('root')}"}
    first = fresh.anybody.simulate_post(path, headers={**tokens, **once})
    password = first.json["password"]
    assert first.json == {"agent_id": "1001", "phone": "1001", "password": password}
    assert first.headers["cache-control"] == "no-store"
    assert fresh.anybody.simulate_post(path, headers={**tokens, **once}).json == first.json
    assert fresh.store.accounts.agents.sip_password("1001") == password != old
    assert user_of(ask(fresh, key))["a1-hash"] == ha1("1001", "cti.local", password) != before
    line = fresh.store.accounts.audit.lines(limit=1)[0]
    assert (line.author.name, line.action, line.target, line.permission) == (
        "root", "phone.rotate", "agent:1001", "phones.rotate"
    )  # fmt: skip
    assert password not in str(line)


def test_phones_of_other_teams_and_of_nobody(fresh: Platform) -> None:
    fresh.office.person("north", "admin@team:north")
    assert fresh.do("north", "POST", "/v1/phones/1001/password").status_code == 200
    there, nowhere = (fresh.do("north", "POST", f"/v1/phones/{agent}/password") for agent in ("1002", "nope"))
    assert (there.status_code, nowhere.status_code) == (404, 404)
    assert there.json["error_id"] == nowhere.json["error_id"] == "not-found"
    assert fresh.do("root", "POST", "/v1/phones/nope/password").json["error_id"] == "unknown-agent"
