"""The demo's three systems, each a process of its own, and how the interface server is told of them.

Mobile subscribers are asked for by a socket (`demo_billing`), fixed lines by HTTP (`demo_fixed`), packages by interface
tables (`demo_packages`), last bills come as a file. Where one of them fails, the database is asked.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

#: Where the bills are delivered, beside the interfaces.
BILLS = "bills"
#: The database with the interface tables, there too.
TABLES = "packages-demo.db"
#: The ports are filled in.
BACKENDS = """\
  billing:
    way: socket
    addresses: [{host: 127.0.0.1, port: MOBILE_PORT}]
    mode: multiplex
    frame:
      header:
        - {name: flag, type: const, value: "0xfefe"}
        - {name: len, type: dec, size: 6}
        - {name: code, type: str, size: 8}
        - {name: seq, type: dec, size: 10}
        - {name: rc, type: str, size: 4}
      length: {field: len, counts: all}
      trailer: [{name: sum, type: hex, size: 8}]
      checksum: {alg: crc32, field: sum, from: len}
      charset: gb18030
    correlate: {request: header.seq, response: header.seq}
    heartbeat: {every_s: 30, send: HB}
    messages:
      QRYBAL:
        body: {codec: delimited, fields: [msisdn]}
        reply:
          codec: delimited
          fields:
            - msisdn
            - {name: balance, type: decimal, scale: 2, required: false}
            - {name: status, required: false}
      QRYSUB:
        body: {codec: delimited, fields: [msisdn]}
        reply:
          codec: delimited
          fields:
            - msisdn
            - {name: balance, type: decimal, scale: 2, required: false}
            - {name: name, required: false}
            - {name: line, required: false}
            - {name: tier, required: false}
            - {name: area, required: false}
            - {name: language, required: false}
            - {name: package, required: false}
            - {name: due, required: false}
      HB: {}
  fixed_billing:
    way: http
    url: "http://127.0.0.1:FIXED_PORT"
    operations:
      ACCOUNT: {method: GET, path: "/accounts/{msisdn}"}
  bills:
    way: files
    url: bills
    every_s: 5
    feeds:
      BILLS:
        match: 'BILL_(?P<seq>\\d{8})\\.txt'
        row:
          codec: delimited
          fields:
            - msisdn
            - month
            - {name: amount, type: decimal, scale: 2}
            - {name: due, type: date}
            - {name: paid, type: bool}
        key: msisdn
  packages:
    way: table
    url: "sqlite:///packages-demo.db"
    request: {table: if_req, key: serial, op: op, at: created_at, state: state}
    response: {table: if_rsp, key: serial, poll_ms: [10, 200]}
    retention: {done_days: 1}
"""
SUBSCRIBER = """\
subscriber:
  kinds:
    - {kind: mobile, match: '^1[3-9]\\d{9}$'}
    - {kind: fixed, match: '^0\\d{2,3}\\d{7,8}$'}

"""
_BY_SOCKET = 'code: header.rc, good: ["0000"], errors: {"1001": not_found'
#: Of each look-up that two systems answer: the target of mobile subscribers, and that of fixed lines.
ROUTES = {
    "balance.get": (
        f"- {{backend: billing, message: QRYBAL, {_BY_SOCKET}}}}}",
        '- {backend: fixed_billing, operation: ACCOUNT, take: {status: state}, code: status, good: ["200", "423"],'
        ' errors: {"404": not_found}}',
    ),
    "subscriber.get": (
        f'- {{backend: billing, message: QRYSUB, {_BY_SOCKET}, "1007": locked}}}}',
        '- {backend: fixed_billing, operation: ACCOUNT, code: status, good: ["200"],'
        ' errors: {"404": not_found, "423": locked}}',
    ),
}
#: Of each look-up that one system answers for everybody: its target.
FIRST = {
    "bill.last": "- {backend: bills, feed: BILLS}\n",
    "package.get": '- {backend: packages, op: PKG, code: rc, good: ["0000"], errors: {"1001": not_found}}\n',
}


def with_systems(interfaces: str, mobile_port: int, fixed_port: int) -> str:
    """The demo's interfaces, with the three systems and the bills put before the database."""
    backends = BACKENDS.replace("MOBILE_PORT", str(mobile_port)).replace("FIXED_PORT", str(fixed_port))
    text = interfaces.replace("backends:\n", f"{SUBSCRIBER}backends:\n{backends}", 1)
    for lookup, (mobile, fixed) in ROUTES.items():
        before, head, database, after = _parts(text, lookup)
        routes = _route("when: kind == 'fixed'", fixed, database) + _route("default: true", mobile, database)
        text = f"{before}{head.replace('msisdn: phone', 'msisdn: subscriber')}    routes:\n{routes.rstrip()}{after}"
    for lookup, first in FIRST.items():
        before, head, database, after = _parts(text, lookup)
        text = f"{before}{head}    to:\n{textwrap.indent(first, ' ' * 6)}{database}{after}"
    return text


def _parts(text: str, lookup: str) -> tuple[str, str, str, str]:
    """What is before the targets of a look-up, its head, its targets, and what comes after the empty line."""
    before, tail = text.split(f"  {lookup}:\n", 1)
    head, tail = tail.split("    to:\n", 1)
    targets, empty, after = tail.partition("\n\n")
    return before, f"  {lookup}:\n{head}", targets, empty + after


def _route(when: str, first: str, database: str) -> str:
    return f"      - {when}\n        to:\n          {first}\n{textwrap.indent(database.rstrip(), ' ' * 4)}\n"


@dataclass(slots=True)
class Systems:
    """All, running. Each ends when its standard input is closed, so also with whoever started them."""

    mobile: subprocess.Popen[bytes]
    fixed: subprocess.Popen[bytes]
    packages: subprocess.Popen[bytes]
    mobile_port: int
    fixed_port: int

    def stop(self) -> None:
        """Close their input, and wait for their ends."""
        for process in (self.mobile, self.fixed, self.packages):
            process.communicate()


def start_systems(database: Path) -> Systems:
    """Beside the database a folder `BILLS` and a database `TABLES` are made. Raises OSError, ValueError where one does
    not come up."""
    mobile = _started("cti.boss.demo_billing", str(database), str(database.with_name(BILLS)))
    fixed = _started("cti.boss.demo_fixed", str(database))
    packages = _started("cti.boss.demo_packages", str(database), str(database.with_name(TABLES)))
    found = Systems(mobile, fixed, packages, int(_said(mobile)), int(_said(fixed)))
    if _said(packages) != b"at work\n":
        raise OSError("the demo's system of packages does not come up")
    return found


def _started(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", module, *arguments]
    # Ctrl-C in the terminal is for the demo to hear: it ends them in order.
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


def _said(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()
