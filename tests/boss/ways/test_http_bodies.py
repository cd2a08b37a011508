"""XML in GBK, SOAP and forms, asked of a real HTTP server."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gevent.pywsgi import WSGIServer
from lxml import etree

from cti.boss.server import InterfaceServer
from tests.boss.served import served

FILE = """
backends:
  crm:
    way: http
    url: "http://127.0.0.1:PORT"
    breaker: {min_calls: 1000}
    operations:
      XML:
        path: /xml
        body: {codec: xml, root: Query, charset: gbk, fields: [msisdn]}
        reply: {codec: xml, charset: gbk, fields: [{name: account.balance, type: decimal}]}
      SOAP:
        path: /soap
        headers: {SOAPAction: '"urn:billing#Query"'}
        body: {codec: soap, root: Query, namespace: "urn:billing", fields: [msisdn]}
        reply: {codec: soap}
      FORM: {path: /form, body: {codec: form}, reply: {codec: form}}
lookups:
  xml.get:
    in: {msisdn: phone}
    out: {balance: decimal, name: text}
    to: {backend: crm, operation: XML, take: {balance: account.balance, name: account.name}}
  soap.get:
    in: {msisdn: phone}
    out: {balance: decimal}
    to: {backend: crm, operation: SOAP, code: fault.code, errors: {Client.NoSubscriber: not_found}}
  form.get: {in: {msisdn: phone}, out: {balance: decimal}, to: {backend: crm, operation: FORM}}
"""
ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
FAULT = "<s:Fault><faultcode>s:{}</faultcode><faultstring>no</faultstring></s:Fault>"
TYPES = {
    "/xml": "application/xml; charset=gbk", "/soap": "text/xml", "/form": "application/x-www-form-urlencoded",
}  # fmt: skip


def answer(environ: dict[str, Any], start: Any) -> list[bytes]:
    """Numbers that end in 9 are nobody's, in 8 an internal fault, in 7 a fault with status 200."""
    path, body = environ["PATH_INFO"], environ["wsgi.input"].read()
    assert environ["CONTENT_TYPE"] == TYPES[path]
    status = "200 OK"
    if path == "/xml":
        assert body.startswith(b'<?xml version="1.0" encoding="gbk"?><Query><msisdn>')
        text = "<?xml version='1.0' encoding='GBK'?><R><account><balance>12.50</balance><name>陈</name></account></R>"
        found = text.encode("gbk")
    elif path == "/form":
        found = b"balance=12.50"
    else:
        assert environ["HTTP_SOAPACTION"] == '"urn:billing#Query"'
        [query] = etree.fromstring(body)[0]
        number = query.findtext("{urn:billing}msisdn")
        code = {"9": "Client.NoSubscriber", "8": "Server", "7": "Server"}.get(number[-1])
        status = "500 Internal Server Error" if number[-1] in "98" else "200 OK"
        good = '<r:Answer xmlns:r="urn:billing"><r:balance>12.50</r:balance></r:Answer>'
        inner = FAULT.format(code) if code else good
        found = ENVELOPE.format(inner).encode()
    start(status, [("Content-Type", TYPES[path])])
    return [found]


@pytest.fixture(scope="module")
def boss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InterfaceServer]:
    server = WSGIServer(("127.0.0.1", 0), answer, log=None)
    server.start()
    folder: Path = tmp_path_factory.mktemp("bodies")
    with served(FILE.replace("PORT", str(server.server_port)), folder) as found:
        yield found
    server.stop(timeout=0)


@pytest.mark.parametrize(
    ("source", "number", "outcome", "values", "failure"),
    [
        ("xml.get", "13800000001", "ok", {"balance": Decimal("12.50"), "name": "陈"}, None),
        ("form.get", "13800000001", "ok", {"balance": Decimal("12.50")}, None),
        ("soap.get", "13800000001", "ok", {"balance": Decimal("12.50")}, None),
        ("soap.get", "13800000009", "not_found", {}, None),
        ("soap.get", "13800000008", "error", {}, "soap-fault"),
        ("soap.get", "13800000007", "error", {}, "soap-fault"),
    ],
)
def test_asked(
    boss: InterfaceServer, source: str, number: str, outcome: str, values: dict[str, Any], failure: str | None
) -> None:
    told = boss.ask(source, {"msisdn": number}, 30.0)
    assert (told.outcome, dict(told.values)) == (outcome, values), boss.facts()
    if failure:
        assert boss.facts()[0]["last_failure"][0] == failure
