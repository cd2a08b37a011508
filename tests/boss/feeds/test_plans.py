"""The section of the configuration that names a feed, and its mistakes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti.boss.configuration import OfficeRefused, parse_office
from cti.boss.feeds import FeedSection
from cti.boss.ways import WAYS
from tests.boss.feeds.daykit import plan

GOOD = """\
security: {classes: {msisdn: {mask: "3+4"}}}
feeds:
  daily: {kind: contacts, to: out, caller: msisdn}
"""


def test_the_section_becomes_a_plan() -> None:
    found = parse_office(GOOD, "i.yaml", {}).feeds["daily"]
    assert found == replace(plan(), options=FeedSection(kind="contacts", to="out", caller="msisdn"), place=found.place)


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("kind: bills", "bad-value"),
        ("kind: contacts, name: 'C_{seq:03d}.txt'", "bad-value"),
        ("kind: contacts, name: '../C_{date:%Y%m%d}_{seq:03d}.txt'", "bad-value"),
        ("kind: contacts, at: '25:00'", "bad-value"),
        ("kind: contacts, caller: msisdm", "unknown-source"),
        ("kind: contacts, every: 5", "unknown-option"),
        ("kind: contacts, days: 30, keep_days: 30", "bad-value"),
        ("kind: contacts, http: {url: 'https://dwh/in'}", "bad-value"),
        ("kind: contacts, reach: {password: x}", "bad-value"),
    ],
)
def test_a_mistake_is_told_with_its_place(option: str, code: str) -> None:
    with pytest.raises(OfficeRefused) as refused:
        parse_office(GOOD + f"  other: {{to: elsewhere, {option}}}\n", "i.yaml", {})
    (issue,) = refused.value.issues
    assert (issue.code, issue.place.line) == (code, 4)


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("to: 'sftp://dwh@10.0.0.7/in'", "missing-option"),
        ("to: 'ftp://dwh@10.0.0.7/in'", "insecure"),
        ("to: 'gopher://x/in'", "bad-url"),
        ("to: 'sftp://dwh:secret@h/in', reach: {known_hosts: k}", "secret-in-clear"),
        ("table: {url: 'sqlite://', table: t}", "bad-url"),
        ("table: {url: 'sqlite:///x.db', table: 'a b'}", "bad-value"),
        (
            "table: {url: 'sqlite:///x.db', table: t, columns: {feed: f, number: n, position: p, agnt: a}}",
            "unknown-field",
        ),
        ("table: {url: 'sqlite:///x.db', table: t, columns: {feed: f, number: n}}", "missing-field"),
        ("table: {url: 'sqlite:///x.db', table: t, columns: {feed: f, number: f, position: p}}", "duplicate-key"),
        ("http: {url: 'http://dwh.example/in'}", "bad-url"),
        ("http: {url: 'https://dwh.example/in', secret: s, secret_file: f}", "bad-value"),
        ("socket: {backend: billng, message: PUT}", "unknown-source"),
        ("socket: {backend: web, message: PUT}", "bad-option"),
        ("socket: {backend: desk, message: PUTT}", "unknown-message"),
        ("socket: {backend: desk, message: PUT, send: {key: number, who: agent}}", "unknown-field"),
        ("socket: {backend: desk, message: PUT, send: {key: nmber}}", "unknown-field"),
        ("socket: {backend: desk, message: PUT, send: {key: key}, good: ['0']}", "bad-option"),
        ("{}", "bad-value"),
    ],
)
def test_a_mistake_of_where_it_goes_is_told_with_its_place(where: str, code: str) -> None:
    where = "days: 7" if where == "{}" else where
    with pytest.raises(OfficeRefused) as refused:
        parse_office(GOOD + f"  other: {{kind: calls, {where}}}\n" + BACKENDS, "i.yaml", WAYS)
    assert [(issue.code, issue.place.line) for issue in refused.value.issues] == [(code, 4)]


BACKENDS = """\
backends:
  web: {way: http, url: "https://crm.example", operations: {get: {method: GET, path: /x}}}
  desk:
    way: socket
    addresses: [{host: 127.0.0.1, port: 1}]
    frame: {header: [{name: code, type: str, size: 8}], delimiter: "\\n"}
    messages: {PUT: {body: {codec: delimited, fields: [key]}}}
"""


def test_two_feeds_do_not_write_the_same_files() -> None:
    with pytest.raises(OfficeRefused) as refused:
        parse_office(GOOD + "  other: {kind: contacts, to: out/}\n", "i.yaml", {})
    assert [issue.code for issue in refused.value.issues] == ["duplicate-key"]
