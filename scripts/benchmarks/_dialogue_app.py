"""The dialogue of `_dialogue_ways.py` as an application for mod_httapi: what one would write who has no engine.

Falcon on gevent's server and SQLite, the engine's own stack. It does what the two menus of the flow do: keys are looked
at, silence and a wrong key ask once more and then end the call, and each call is on record with the menus that it went
through. It does less where that favours it: state is in memory and lost with the process, records are written to the
file but not to the disk (``synchronous=NORMAL``), there is no flow to change, no API, nobody else to be served.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import falcon
from gevent.pywsgi import WSGIServer

TABLES = """\
PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
CREATE TABLE calls (call_id TEXT PRIMARY KEY, caller TEXT, called TEXT, began REAL, ended REAL, outcome TEXT);
CREATE TABLE visits (call_id TEXT, menu TEXT, left_at REAL, exit TEXT);
"""
#: Menu -> key -> where it leads.
KEYS = {"first": {"1": "second"}, "second": {"1": "done"}}
ASKED_AGAIN = 1
_MENU = """\
<document type="xml/freeswitch-httapi"><work>
<playback name="key" file="{file}" action="{url}" input-timeout="5000"><bind>~\\d</bind></playback>
</work></document>
"""
_HANG_UP = '<document type="xml/freeswitch-httapi"><work><hangup/></work></document>'


@dataclass(slots=True)
class Call:
    menu: str = "first"
    failed: int = 0
    outcome: str = "hung_up"


class Dialogue:
    """``GET`` with what mod_httapi tells: at the beginning, after each menu, and with ``exiting`` at the end."""

    def __init__(self, files: dict[str, str], database: Path) -> None:
        self._files = files
        self._calls: dict[str, Call] = {}
        self._db = sqlite3.connect(database)
        self._db.executescript(TABLES)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        call_id, now = req.get_param("session_id", required=True), time.time()
        resp.content_type = "text/xml"
        if req.has_param("exiting"):
            call = self._calls.pop(call_id, Call())
            self._write("UPDATE calls SET ended = ?, outcome = ? WHERE call_id = ?", now, call.outcome, call_id)
            resp.text = _HANG_UP
            return
        begun = self._calls.get(call_id)
        if begun is None:
            begun = self._calls[call_id] = Call()
            who = [req.get_param(name) for name in ("Caller-Caller-ID-Number", "Caller-Destination-Number")]
            self._write("INSERT INTO calls (call_id, caller, called, began) VALUES (?, ?, ?, ?)", call_id, *who, now)
        else:
            self._answered(call_id, begun, req.get_param("key"), now)
        file = self._files.get(begun.menu)
        resp.text = _HANG_UP if file is None else _MENU.format(file=file, url=req.prefix + req.path)

    def _answered(self, call_id: str, call: Call, key: str | None, now: float) -> None:
        menu, then = call.menu, KEYS[call.menu].get(key or "")
        if then is None and call.failed < ASKED_AGAIN:
            call.failed += 1
            return
        call.menu, call.failed = then or "bye", 0
        call.outcome = {"done": "done", "bye": "missed"}.get(call.menu, call.outcome)
        left = key if then else ("no_match" if key else "no_input")
        self._write("INSERT INTO visits VALUES (?, ?, ?, ?)", call_id, menu, now, left)

    def _write(self, statement: str, *values: object) -> None:
        with self._db:
            self._db.execute(statement, values)


def serve(first: str, second: str, database: str) -> None:
    """Prints its port."""
    app = falcon.App()
    app.add_route("/dialogue", Dialogue({"first": first, "second": second}, Path(database)))
    logging.basicConfig(level=logging.WARNING)
    server = WSGIServer(("127.0.0.1", 0), app, log=None)
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(*sys.argv[1:])
