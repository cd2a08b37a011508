"""Where webhooks may go, how messages are signed, how long is waited."""

from __future__ import annotations

import pytest

from cti.core.access import EVERYTHING
from cti.core.errors import CtiError
from cti.core.webhook_urls import UrlRules
from cti.core.webhooks import Answer, Key, Patience, Webhook, message, next_key_id, signature

RULES = UrlRules(["crm.example", "*.hooks.example", "other.example:8443"], ["10.20.0.0/16"])
HERE = UrlRules(["crm.example"], loopback=True)


def test_the_signature_is_the_one_of_standard_webhooks() -> None:
    """The vector in the documentation of the reference implementation of Svix."""
    body = b'{"test": 2432232314}'
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, secret)
    assert found == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_key_that_is_good_signs_and_is_named_in_the_same_order() -> None:
    keys = [Key("k3", "whsec_Yw=="), Key("k2", "whsec_Yg==", until=200.0), Key("k1", "whsec_YQ==", until=99.0)]
    sent = message("e-1", "{}", keys, 100.9)
    assert sent.headers["webhook-timestamp"] == "100"
    assert sent.headers["webhook-key-id"] == "k3 k2"
    wanted = [f"v1,{signature('e-1', 100, b'{}', key.secret)}" for key in keys[:2]]
    assert sent.headers["webhook-signature"].split() == wanted
    assert next_key_id(keys) == "k4"
    assert "whsec" not in repr(keys)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://crm.example/cti?a=b", ""),
        ("https://CRM.example", ""),
        ("https://a.b.hooks.example/", ""),
        ("https://other.example:8443/x", ""),
        ("https://hooks.example/", "url-not-allowed"),
        ("https://evilhooks.example/", "url-not-allowed"),
        ("https://crm.example.evil.example/", "url-not-allowed"),
        ("https://crm.example:8443/", "url-not-allowed"),
        ("https://other.example/", "url-not-allowed"),
        ("http://crm.example/", "url-not-allowed"),
        ("https://127.0.0.1/", "url-not-allowed"),
        ("https://localhost/", "url-not-allowed"),
        ("https://[::1]/", "url-not-allowed"),
        ("https://crm.example./", "url-not-allowed"),
        ("https://crm.example@evil.example/", "bad-url"),
        ("https://user:secret@crm.example/", "bad-url"),
        ("https://crm.example/#part", "bad-url"),
        ("https://crm.example/#", "bad-url"),
        ("https://crm.example\\@evil.example/", "bad-url"),
        ("https://crm.example/a b", "bad-url"),
        ("https://crm.example/\r\nX: y", "bad-url"),
        ("https://crm.example:99999/", "bad-url"),
        ("ftp://crm.example/", "bad-url"),
        ("file:///etc/passwd", "bad-url"),
        ("https:///x", "bad-url"),
        ("https://crm.example/" + "x" * 500, "bad-url"),
        ("https://\u0441rm.example/", "bad-url"),
        ("", "bad-url"),
    ],
)
def test_which_urls_may_be_named(url: str, error: str) -> None:
    if not error:
        assert RULES.target(url).tls
        return
    with pytest.raises(CtiError) as caught:
        RULES.target(url)
    assert caught.value.code == error


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://localhost:80", "https://[::1]:5/", "http://127.1.2.3/"]
)
def test_this_machine_only_where_the_operator_says_so(url: str) -> None:
    assert HERE.target(url).loopback
    with pytest.raises(CtiError):
        RULES.target(url)


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("10.20.3.4", True), ("::ffff:10.20.3.4", True),
        ("10.21.0.1", False), ("192.168.1.1", False), ("127.0.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
        ("169.254.169.254", False), ("::1", False), ("::", False), ("fe80::1%eth0", False), ("fd00::1", False),
        ("::ffff:127.0.0.1", False), ("::ffff:169.254.169.254", False), ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False), ("100.64.0.1", False), ("ff02::1", False),
    ],
)  # fmt: skip
def test_which_addresses_its_host_may_have(address: str, good: bool) -> None:
    target = RULES.target("https://crm.example/")
    if good:
        RULES.check_address(target, address)
        return
    with pytest.raises(CtiError) as caught:
        RULES.check_address(target, address)
    assert caught.value.code == "address-not-allowed"


def test_what_is_called_localhost_must_be_it() -> None:
    target = HERE.target("http://localhost/")
    HERE.check_address(target, "127.0.0.1")
    with pytest.raises(CtiError):
        HERE.check_address(target, "93.184.216.34")
    with pytest.raises(CtiError):
        HERE.check_address(HERE.target("https://crm.example/"), "127.0.0.1")


def test_waits_double_up_to_an_hour_with_chance_and_end() -> None:
    patience = Patience()
    assert [patience.wait_s(n, 0.999999) for n in (1, 2, 3)] == pytest.approx([5, 10, 20], rel=1e-3)
    assert patience.wait_s(1, 0.0) == 2.5
    assert patience.wait_s(50, 0.999999) == pytest.approx(3600, rel=1e-3)
    assert patience.next_at(0.0, 1, 100.0, 0.0, Answer(500, "status")) == 102.5
    assert patience.next_at(0.0, 1, 100.0, 0.0, Answer(503, "status", 60.0)) == 160.0
    assert patience.next_at(0.0, 1, 100.0, 0.0, Answer(503, "status", 1e9)) == 3700.0
    assert patience.next_at(0.0, 9, 86_390.0, 0.0, Answer(error="timeout")) is None


def test_a_receiver_that_is_down_is_left_alone_for_a_minute_at_most() -> None:
    patience = Patience()
    assert [patience.pause_s(n, 0.0, None) for n in (0, 1, 2, 3, 4)] == [0, 0, 0, 2.5, 5]
    assert patience.pause_s(100, 0.99, None) == 60.0
    assert patience.pause_s(1, 0.0, 30.0) == 30.0


@pytest.mark.parametrize(
    ("events", "wanted"),
    [(("*",), True), (("contact.*",), True), (("contact.closed",), True), (("agent.*", "contact.queued"), False),
     (("contact",), False), (("cont.*",), False)],
)  # fmt: skip
def test_events_by_name_noun_or_all(events: tuple[str, ...], wanted: bool) -> None:
    assert Webhook("w", "", "", "u", events, (EVERYTHING,)).wants("contact.closed") is wanted
