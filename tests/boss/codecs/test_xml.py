"""XML, SOAP and forms: paths, charsets, faults; what is no body, and what would harm."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from cti.boss.codecs import BodyOptions, CodecError, make_codec, prove_body

URN = "urn:billing"


def make(codec: str, charset: str = "utf-8", **options: Any) -> Any:
    parsed = BodyOptions.model_validate({"codec": codec, **options})
    assert list(prove_body(parsed, ())) == []
    return make_codec(parsed, charset)


def test_elements_attributes_and_namespaces() -> None:
    fields = ["account.msisdn", "account.@kind", {"name": "account.limit", "type": "decimal"}]
    made = make("xml", "gb18030", root="QueryBalance", namespace=URN, fields=fields)
    body = made.encode({"account.msisdn": "13800138000", "account.@kind": "陈𠮷", "account.limit": Decimal("1.50")})
    assert body.startswith(b'<?xml version="1.0" encoding="gb18030"?>')
    assert body.decode("gb18030").partition("?>")[2] == (
        f'<QueryBalance xmlns="{URN}"><account kind="陈𠮷"><msisdn>13800138000</msisdn><limit>1.50</limit></account>'
        "</QueryBalance>"
    )
    account = {"msisdn": "13800138000", "@kind": "陈𠮷", "limit": Decimal("1.50")}
    assert made.decode(body) == {"account": account}


def test_several_of_one_name_are_a_list_and_their_charset_is_ours() -> None:
    made = make("xml", "gbk")
    text = '<?xml version="1.0" encoding="UTF-8"?><a><b>一</b><!-- x --><b i="1">二</b><c/></a>'
    assert made.decode(text.encode("gbk")) == {"b": ["一", {"@i": "1", "#text": "二"}], "c": ""}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "bad-body"),
        (b"<a><b></a>", "bad-body"),
        (b"<html><body><p>Error</body></html>", "bad-body"),
        (b"<a/><b/>", "bad-body"),
        (b"<a>\xff</a>", "bad-encoding"),
        (b"<!DOCTYPE a><a/>", "document-type"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document-type"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "document-type"),
        (b"<a>&unknown;</a>", "bad-body"),
        (b"<a>" * 41 + b"</a>" * 41, "bad-body"),
        (b"<a>" * 5_000 + b"</a>" * 5_000, "bad-body"),
        (b"<a>" + b"<b/>" * 20_001 + b"</a>", "bad-body"),
        (b'<a b="1" b="2"/>', "bad-body"),
        (b"<a><balance>1</balance><balance>2</balance></a>", "bad-field"),
        (b"<a><balance>NaN</balance></a>", "bad-field"),
        (b"<a><balance><c/></balance></a>", "missing-field"),
        (b"<a/>", "missing-field"),
    ],
)
def test_what_is_no_answer(body: bytes, reason: str) -> None:
    made = make("xml", fields=[{"name": "balance", "type": "decimal"}])
    with pytest.raises(CodecError) as wrong:
        made.decode(body)
    assert wrong.value.reason == reason


def test_a_bomb_of_entities_is_not_opened() -> None:
    bomb = "<!DOCTYPE a [<!ENTITY a0 'x'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
    with pytest.raises(CodecError) as wrong:
        make("xml").decode(f"{bomb}]><a>&a11;</a>".encode())
    assert wrong.value.reason in ("document-type", "bad-body")


@pytest.mark.parametrize(("fields", "reason"), [({"a": "\x00"}, "bad-value"), ({"a b": "1"}, "bad-value")])
def test_what_cannot_be_written(fields: dict[str, str], reason: str) -> None:
    with pytest.raises(CodecError) as wrong:
        make("xml").encode(fields)
    assert wrong.value.reason == reason


@given(text=st.text(max_size=40))
def test_any_text_comes_back_or_is_refused(text: str) -> None:
    made = make("xml", fields=["a"])
    try:
        body = made.encode({"a": text})
    except CodecError:
        return
    assert made.decode(body)["a"] == text.replace("\r\n", "\n").replace("\r", "\n") or "\r" in text


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_an_envelope(version: str) -> None:
    made = make("soap", root="QueryBalance", namespace=URN, version=version, fields=["msisdn"])
    body = made.encode({"msisdn": "13800138000"})
    [inner] = etree.fromstring(body)[0]
    assert inner.tag == f"{{{URN}}}QueryBalance"
    assert made.decode(body) == {"msisdn": "13800138000", "fault": {"code": "", "text": ""}}


FAULT_11 = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>
<faultcode>s:Client.NoSubscriber</faultcode><faultstring>no such subscriber</faultstring></s:Fault>
</s:Body></s:Envelope>"""
FAULT_12 = """<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:b="urn:b"><e:Body><e:Fault><e:Code>
<e:Value>e:Sender</e:Value><e:Subcode><e:Value>b:NoSubscriber</e:Value></e:Subcode></e:Code><e:Reason>
<e:Text xml:lang="en">no such subscriber</e:Text></e:Reason></e:Fault></e:Body></e:Envelope>"""


@pytest.mark.parametrize(("text", "code"), [(FAULT_11, "Client.NoSubscriber"), (FAULT_12, "NoSubscriber")])
def test_a_fault(text: str, code: str) -> None:
    made = make("soap", fields=["balance"])
    assert made.decode(text.encode()) == {"fault": {"code": code, "text": "no such subscriber"}}


@pytest.mark.parametrize("body", [b"<a/>", b"<Envelope/>", b"<Envelope><Head/></Envelope>"])
def test_no_envelope(body: bytes) -> None:
    with pytest.raises(CodecError) as wrong:
        make("soap").decode(body)
    assert wrong.value.reason == "bad-body"


def test_a_form() -> None:
    made = make("form", "gb18030")
    assert made.encode({"name": "陈 &=", "n": 1}) == b"name=%B3%C2+%26%3D&n=1"
    assert made.decode(b"name=%B3%C2+%26%3D&n=") == {"name": "陈 &=", "n": ""}
    for body, reason in [
        (b"a=1&a=2", "duplicate-field"), (b"a", "bad-body"), (b"a=%ff", "bad-encoding"), (b"\xff=1", "bad-encoding"),
        (b"&".join(b"a%d=1" % n for n in range(1_001)), "bad-body"),
    ]:  # fmt: skip
        with pytest.raises(CodecError) as wrong:
            made.decode(body)
        assert wrong.value.reason == reason, body[:20]
