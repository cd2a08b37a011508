"""`scripts/cluster`, embedded: a caller of one process with an agent by the API of others, whoever is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.faults.processes import postgresql

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 120.0


def until(true: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while not (found := true()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


class Running:
    """The script, with what it says so far."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "told"
        with self._file.open("wb") as output:
            self.process = subprocess.Popen(
                [str(ROOT / "scripts" / "cluster"), "--embedded"],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=output, stderr=output, env={**os.environ},
            )  # fmt: skip

    def told(self) -> str:
        return self._file.read_text(errors="replace")

    def says(self, pattern: str, at: int = 0) -> str:
        """The first group, as soon as it is said behind the place ``at``."""

        def there() -> re.Match[str] | None:
            assert self.process.poll() is None or re.search(pattern, self.told()[at:], re.M), self.told()
            return re.search(pattern, self.told()[at:], re.M)

        found: re.Match[str] = until(there, f"it says {pattern}")
        return found[found.re.groups]

    def type(self, line: str) -> int:
        """Where what comes of it is said."""
        at = len(self.told())
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        return at

    def call(self) -> str:
        return self.says(r"^call: \+OK (\S+)", self.type("call"))

    def nodes(self) -> dict[str, str]:
        at = self.type("nodes")
        self.says(r"^(n2/api) ", at)
        return dict(re.findall(r"^(n[12]/\w+) +\w+ +(\w+)", self.told()[at:], re.M))

    def pids(self) -> dict[str, int]:
        return {name: int(pid) for name, pid in re.findall(r"^(n[12]/\w+): pid (\d+)", self.told(), re.M)}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Running]:
    if postgresql() is None:
        pytest.skip("the cluster did not run: no initdb found (apt-get install postgresql)")
    found = Running(tmp_path)
    yield found
    if found.process.poll() is None:
        found.process.send_signal(signal.SIGTERM)
        found.process.wait(DEADLINE_S)


class Anna:
    def __init__(self, base: str, password: str) -> None:
        self._base, self._token = base, ""
        self._token = self.ask("POST", "/v1/sessions", {"name": "anna", "password": password})[1]["access_token"]
        assert self.ask("POST", "/v1/me/sign-in", {})[0] < 300
        assert self.ask("PUT", "/v1/me/state", {"state": "READY"})[0] < 300

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            return error.code, {}
        except OSError:
            return 0, {}

    def talking(self) -> str:
        """Her contact; empty: none, or nobody answers now."""
        self.ask("PUT", "/v1/me/heartbeat")
        status, found = self.ask("GET", "/v1/me/contacts")
        items = found["items"] if status == 200 else []
        return next((str(one["contact"]) for one in items if one["activity"] == "talking"), "")


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_whole_cluster_goes_on_and_leaves_nothing(cluster: Running) -> None:
    cluster.says("^(ready)$")
    anna = Anna(cluster.says(r"^Clients: (\S+)"), cluster.says(r"^sign in: anna (\S+)"))
    folder, pids = Path(cluster.says(r"log (\S+)/n1-flow.log")), cluster.pids()
    first = cluster.call()
    until(anna.talking, "anna talks")
    second = cluster.call()  # waits
    leader = cluster.says(r"^(n[12])/acd .*\(leads\)", cluster.type("nodes"))
    os.kill(pids[f"{leader}/acd"], signal.SIGKILL)
    os.kill(pids["n1/api"], signal.SIGKILL)
    cluster.says(rf"^({leader}/acd) has ended \(-9\) and is started again")
    until(lambda: anna.ask("GET", "/v1/me")[0] == 200, "clients are served again")
    assert cluster.says(r"^hangup: (.*)", cluster.type(f"hangup {first}")) == "+OK"  # it was up all the time
    contact = until(anna.talking, "anna talks with who waited")
    assert contact.partition("~")[0] == second
    assert anna.ask("POST", f"/v1/me/contacts/{contact}/hangup", {})[0] < 300
    until(lambda: not anna.talking(), "the second talk has ended")
    everybody = dict.fromkeys(["n1/0", "n1/acd", "n1/api", "n2/1", "n2/acd", "n2/api"], "up")
    until(lambda: cluster.nodes() == everybody, "all are up")
    folder_pg = (folder / "pg" / "data" / "postmaster.pid").read_text().split()[0]
    cluster.type("quit")
    assert cluster.process.wait(DEADLINE_S) == 0
    assert not folder.exists()
    assert [pid for pid in (*pids.values(), int(folder_pg)) if Path(f"/proc/{pid}").exists()] == []
