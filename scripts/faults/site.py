"""What the platform under test is configured with: flows whose callers stay where they are, a back office, a queue."""

from __future__ import annotations

import json
from pathlib import Path

from cti.boss.demo_systems import BACKENDS
from scripts.trying.files import COMMON

NUMBERS = {
    "menu": "101", "queued": "102", "bridged": "103", "ringing": "104",
    "talk": "105", "held": "106", "conference": "107", "fax": "108",
}  # fmt: skip
TALKER, AGENT, DEAF = "1002", "1003", "1004"  # a phone that answers, the queue's agent, a phone that only rings
DESKS = {"talk": "1005", "held": "1006", "conference": "1007"}  # kind of contact, name of its agent -> the phone there
START = "hi"
AT = {
    "menu": "main", "queued": "agent", "bridged": "call", "ringing": "call",
    "talk": "agent", "held": "agent", "conference": "agent", "fax": "take", "chat": "main",
}  # fmt: skip
AGAIN, LOOK_UP, WRITE, BYE = "7", "2", "3", "1"
GUARD_S = 300
_HEAD = 'flow: {name}\nstart: hi\nlanguages: {{default: en-US}}\ninputs: {{caller: "phone?!"}}\n{more}nodes:\n'
_MORE = {"fax": 'vars: {document: "text?"}\n', "chat": "media: [chat]\n"}
_HI = '  hi: {type: play, say: "Hello."}\n'
FLOWS = {
    "menu": _HI
    + """\
  main:
    type: menu
    say: "Main menu."
    wait: 300s
    keys: {1: bye, 2: look, 3: put, 7: here}
    reprompt: {no_input: 5, no_match: 5}
    to: {else: bye}
  look: {type: lookup, ask: balance.get, with: {msisdn: "13800138000"}, deadline: 3s, to: {ok: here, else: here}}
  put: {type: request, ask: order.put, with: {msisdn: =caller}, deadline: 5s, to: {done: here, else: here}}
  here: {type: play, say: "Here.", next: main}
  bye: {type: end, outcome: served}
""",
    "queued": _HI
    + """\
  agent: {type: queue, queue: service, max_wait: 3600s, to: {talked: bye, else: bye}}
  bye: {type: end, outcome: nobody}
""",
    "bridged": _HI
    + f"""\
  call: {{type: transfer, dial: {{extension: "{TALKER}"}}, ring: 60s, to: {{talked: bye, else: bye}}}}
  bye: {{type: end, outcome: talked}}
""",
    "ringing": _HI
    + f"""\
  call: {{type: transfer, dial: {{extension: "{DEAF}"}}, ring: 600s, to: {{talked: bye, else: bye}}}}
  bye: {{type: end, outcome: nobody}}
""",
    **{
        kind: _HI
        + f"""\
  agent: {{type: queue, queue: {kind}, max_wait: 3600s, to: {{talked: bye, else: bye}}}}
  bye: {{type: end, outcome: talked}}
"""
        for kind in DESKS
    },
    # Nobody there is a fax machine: it fails by itself after half a minute (T.30's T1), and the caller stays.
    "fax": _HI
    + """\
  take: {type: fax, do: receive, save: document, deadline: 600s, to: {else: main}}
  main: {type: menu, say: "No fax.", wait: 300s, keys: {1: bye}, to: {else: bye}}
  bye: {type: end, outcome: nobody}
""",
    "chat": _HI
    + """\
  main: {type: menu, say: "7?", wait: 3600s, keys: {1: bye, 7: here}, to: {else: bye}}
  here: {type: play, say: "Here.", next: main}
  bye: {type: end, outcome: done}
""",
    "busy": "  hi: {type: end, outcome: busy}\n",
}
_MORE_CONFIG = f"""\
boss: {{{{file: interfaces.yaml}}}}
limits: {{{{calls: 0, per_caller: 0, silent_s: 0, overload: {{{{cpu_pct: 0, late_ms: 0}}}}}}}}
queues:
  service: {{{{agents: ["{AGENT}"], ring_s: 120, rest_s: 0.5}}}}
  talk: {{{{skills: {{{{talk: 1}}}}, ring_s: 60}}}}
  held: {{{{skills: {{{{held: 1}}}}, ring_s: 60}}}}
  conference: {{{{skills: {{{{conference: 1}}}}, ring_s: 60}}}}
"""
CONFIG = (
    """\
node: chaos
data: {data}
flows: {flows}
store: {{url: "{database}"}}
switches:
  - {{name: fs, host: 127.0.0.1, port: {port}, kind: {kind}, password_file: {password_file}, domain: cti.local}}
api: {{host: 127.0.0.1, port: {api_port}}}
worker: {{guard_s: {guard_s}, drain_s: 1}}
reload: {{watch: false}}
"""
    + _MORE_CONFIG
)
#: Of each process of a cluster.
CLUSTER_CONFIG = COMMON + _MORE_CONFIG
_ORDERS = """\
  orders: {way: sql, url: "sqlite:///orders.db"}
lookups:
  balance.get:
    in: {msisdn: phone}
    out: {balance: decimal}
    deadline_ms: 2000
    to: [{backend: billing, message: QRYBAL, code: header.rc, good: ["0000"], errors: {"1001": not_found}}]
requests:
  order.put:
    in: {msisdn: phone}
    to:
      backend: orders
      write: INSERT INTO orders (key, msisdn) VALUES (:key, :msisdn)
      read: SELECT msisdn FROM orders WHERE key = :key
"""


def write_flows(folder: Path) -> None:
    folder.mkdir()
    for name, nodes in FLOWS.items():
        (folder / f"{name}.yaml").write_text(
            _HEAD.format(name=name, more=_MORE.get(name, "")) + nodes, encoding="utf-8"
        )
    entries = [
        f"  - {{name: {name}, medium: voice, called: {json.dumps(number)}, flow: {name}, inputs: {{caller: =caller}}}}"
        for name, number in NUMBERS.items()
    ]
    entries.append("  - {name: chat, medium: chat, flow: chat, inputs: {caller: =caller}}")
    (folder / "entry.yaml").write_text("entries:\n" + "\n".join(entries) + "\n", encoding="utf-8")


def interfaces(billing_port: int) -> str:
    """The demo's billing system by its socket, and a table that takes a row for each time a write is executed."""
    billing = BACKENDS.partition("  fixed_billing:")[0].replace("MOBILE_PORT", str(billing_port))
    return f"backends:\n{billing}{_ORDERS}"
