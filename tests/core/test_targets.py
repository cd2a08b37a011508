"""Which machines may be connected to: by name, by address, and by nothing that is link-local unless it is listed."""

from __future__ import annotations

import pytest

from cti.core.errors import CtiError
from cti.core.targets import TargetRules, target_rules

LISTED = target_rules(
    ["crm.example", "*.boss.example:8443", "Db.Example.", "localhost", "10.1.0.0/16", "10.2.0.7:5432", "[fd00::/8]:22"]
)
METADATA = ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"]


def goes(rules: TargetRules, host: str, port: int, address: str) -> bool:
    try:
        rules.check_address(host, port, address)
    except CtiError as error:
        return error.code != "target-not-allowed"
    return True


@pytest.mark.parametrize(
    ("host", "port", "good"),
    [
        ("crm.example", 443, True),
        ("CRM.example.", 9, True),
        ("db.example", 5432, True),
        ("a.boss.example", 8443, True),
        ("a.boss.example", 443, True),  # not by its name: its addresses may be of 10.1.0.0/16
        ("10.1.255.1", 1, True),
        ("10.2.0.7", 5432, True),
        ("10.2.0.7", 5433, False),
        ("10.2.0.8", 5432, False),
        ("fd00::7", 22, True),
        ("[fd00::7]", 22, True),
        ("fd00::7", 23, False),
        ("8.8.8.8", 53, False),
        ("127.0.0.1", 80, False),
        ("169.254.169.254", 80, False),
    ],
)
def test_a_host_that_stands_in_a_file(host: str, port: int, good: bool) -> None:
    assert (LISTED.refusal(host, port) is None) == good


def test_names_must_be_listed_where_no_network_is_or_nobody_looks_at_addresses() -> None:
    names = target_rules(["crm.example", "10.1.0.0/16:80"])
    found = [names.refusal(host, port) is None for host, port in [("crm.example", 1), ("x.example", 80)]]
    assert (found, names.refusal("x.example", 81) is None) == ([True, True], False)
    assert LISTED.refusal("other.example", 443, final=True) is not None
    assert target_rules([]).refusal("crm.example", 443) is not None


@pytest.mark.parametrize(
    ("host", "port", "address", "good"),
    [
        ("crm.example", 443, "93.184.216.34", True),
        ("crm.example", 443, "10.1.2.3", True),  # its network is listed, too
        ("crm.example", 443, "10.9.2.3", False),  # rebound into the house
        ("crm.example", 443, "127.0.0.1", False),
        ("crm.example", 443, "::1", False),
        ("crm.example", 443, "::ffff:127.0.0.1", False),
        ("localhost", 5432, "127.0.0.1", True),
        ("localhost", 5432, "10.9.0.1", False),
        ("other.example", 443, "93.184.216.34", False),
        ("other.example", 443, "10.1.2.3", True),
        ("a.boss.example", 8443, "93.184.216.34", True),
        ("a.boss.example", 8444, "93.184.216.34", False),
        ("boss.example", 8443, "93.184.216.34", False),
        ("db", 22, "fd00::9", True),
        ("db", 23, "fd00::9", False),
    ],
)
def test_an_address_that_a_host_has_now(host: str, port: int, address: str, good: bool) -> None:
    assert goes(LISTED, host, port, address) == good


@pytest.mark.parametrize("address", METADATA)
def test_link_local_addresses_are_refused_unless_they_themselves_are_listed(address: str) -> None:
    named = target_rules(["169.254.169.0/24:80", "fe80::/64"])
    for rules in (target_rules(None), target_rules(["0.0.0.0/0", "::/0", "m.example"]), LISTED):
        assert not goes(rules, "m.example", 80, address)
    assert goes(named, "m.example", 80, address)
    assert target_rules(None).refusal(address, 80) is not None
    assert named.refusal(address, 80) is None


def test_without_a_list_everything_else_may_be_reached() -> None:
    assert all(goes(target_rules(None), "any.example", 1, address) for address in ("10.0.0.1", "127.0.0.1", "8.8.8.8"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "crm.example:0",
        "crm.example:x",
        "crm.example:",
        "a b",
        "1.2.3",
        "*",
        "https://a",
    ],
)
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"port|target"):
        target_rules([text])
