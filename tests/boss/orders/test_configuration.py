"""Section `orders:` of the interfaces' file: what is wrong is told at its place."""

from __future__ import annotations

import pytest

from cti.boss import WAYS
from cti.boss.configuration import OfficeRefused, parse_office

HEAD = "backends: {}\norders:\n  crm:\n"
FILES = """    kinds: [callback, notice]
    files:
      url: in
      take: {match: 'O_(?P<seq>\\d+)', row: {codec: delimited, fields: [key, kind, number]}, key: key}
"""
TABLE = "    kinds: [callback]\n    table: {url: 'sqlite:///theirs.db', table: if_order, key: serial, state: state}\n"
SOCKET = """    kinds: [message]
    socket:
      port: 9100
      frame: {header: [{name: len, type: dec, size: 6}], length: {field: len}}
      body: {codec: json}
      reply: {codec: json}
"""


def findings(text: str) -> list[str]:
    with pytest.raises(OfficeRefused) as refused:
        parse_office(HEAD + text, "interfaces.yaml", WAYS)
    return [str(issue) for issue in refused.value.issues]


@pytest.mark.parametrize("text", [FILES, TABLE, SOCKET], ids=["files", "table", "socket"])
def test_each_way_can_be_used(text: str) -> None:
    assert list(parse_office(HEAD + text, "interfaces.yaml", WAYS).orders) == ["crm"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FILES.replace("notice]", "fax]"), "interfaces.yaml:4:23 [bad-value]"),
        (FILES + TABLE[22:], "[bad-value]"),
        ("    kinds: [callback]\n", "interfaces.yaml:4:5 [bad-value]"),
        (FILES.replace("key: key}", "key: nr}"), "interfaces.yaml:7:98 [unknown-field]"),
        (FILES.replace("url: in", "url: 'sftp://u:p@h/x'"), "[secret-in-clear]"),
        (FILES.replace("(?P<seq>", "(?P<seq"), "[bad-option]"),
        (TABLE.replace("sqlite:///theirs.db", "mysql"), "[bad-url]"),
        (SOCKET.replace("port: 9100", "port: 9100\n      host: 0.0.0.0"), "[bad-value]"),
        (SOCKET.replace("port: 9100", "port: 9100\n      peers: [here]"), "[bad-value]"),
        (SOCKET.replace("length: {field: len}", "length: {field: lne}"), "[unknown-field]"),
        (SOCKET + "  other:\n" + SOCKET, "[duplicate-key]"),
    ],
)
def test_mistakes_are_told_with_their_places(text: str, told: str) -> None:
    found = findings(text)
    assert any(told in one for one in found), found
