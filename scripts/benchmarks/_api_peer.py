"""What `api.py` measures beside the platform's API: the least that could stand in its place, in a process of its own.

Falcon on gevent's pywsgi, as there. `PUT /state` writes one row into an SQLite database of the same settings (WAL,
synchronous FULL) on a thread and answers when it is committed: no sign-in, no policy, no distribution, no events.
`GET /events?agent=7` is a stream of server-sent events, `POST /offers` puts one of about an offer's size on the stream
of one agent: a dictionary of queues. What the platform takes longer is what it does more.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import falcon
from gevent.pywsgi import WSGIServer
from gevent.queue import Queue
from gevent.threadpool import ThreadPool

_PADDING = "." * 800  # an offer with its screen pop


class State:
    def __init__(self, file: Path) -> None:
        self._pool = ThreadPool(1)
        self._rows = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.execute("PRAGMA synchronous=FULL")
        self._rows.execute("CREATE TABLE states (at TEXT, agent TEXT, state TEXT)")

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        row = (_now(), req.get_param("agent"), req.get_media()["state"])
        self._pool.apply(self._rows.execute, ("INSERT INTO states VALUES (?, ?, ?)", row))
        resp.media = {"state": row[2], "since": row[0]}


class Streams:
    def __init__(self) -> None:
        self.queues: dict[str, Queue[bytes]] = {}

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        queue = self.queues[req.get_param("agent", required=True)] = Queue()
        queue.put(_frame("snapshot", {}))
        resp.content_type = "text/event-stream"
        resp.stream = _parts(queue)


class Offers:
    def __init__(self, streams: Streams) -> None:
        self._streams, self._made = streams, 0

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._made += 1
        offer = {"agent": req.get_media()["agent"], "offer": self._made, "screen": _PADDING}
        self._streams.queues[offer["agent"]].put(_frame("offer.created", offer))
        resp.media = {"offer": self._made}


def _parts(queue: Queue[bytes]) -> Iterator[bytes]:
    while True:
        yield queue.get()


def _frame(type_: str, data: dict[str, Any]) -> bytes:
    text = json.dumps({"id": "0-0", "type": type_, "at": _now(), "data": data})
    return f"id: 0-0\nevent: {type_}\ndata: {text}\n\n".encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def main(folder: Path) -> None:
    """Prints its port when it listens; ends when it is told to."""
    app, streams = falcon.App(), Streams()
    app.add_route("/state", State(folder / "peer.db"))
    app.add_route("/events", streams)
    app.add_route("/offers", Offers(streams))
    server = WSGIServer(("127.0.0.1", 0), app, log=None)
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
