"""The engine with many calls at once: hotline on an embedded switch in another process, this process the engine.

Prints how many calls failed, the memory of the engine per call, and the step overhead: from the moment an event of a
call is handed to the engine until the next command of that call is handed to the socket.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections import Counter
from pathlib import Path
from typing import Any

import gevent

from cti.app import Application
from cti.config import load_settings
from cti.core.records import CallFilter

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG = """\
data: .
flows: {flows}
switches: [{{name: bench, port: {port}, kind: embedded, password_file: secret}}]
api: {{port: 0}}
limits: {{calls: 0, per_caller: 0, overload: {{cpu_pct: 0, late_ms: 0}}}}
worker: {{drain_s: 0}}
queues: {{service: {{agents: [1001]}}}}
"""


def start_switch(folder: Path) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-m", "cti", "switch", "run", "--port", "0", "--password-file", str(folder / "secret")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, int(line.split("127.0.0.1:")[1].split(",")[0])


def resident_kib() -> int:
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("no VmRSS in /proc/self/status")


def watch_steps(driver: Any, found: list[float]) -> None:
    """From event in to command out, per call."""
    arrived: dict[str, float] = {}
    on_event, execute = driver.on_event, driver.links.execute

    def stamped(event: Any) -> None:
        arrived[event.get("Unique-ID") or ""] = time.perf_counter()
        on_event(event)

    def measured(uuid: str, *args: Any, **more: Any) -> Any:
        sent = execute(uuid, *args, **more)
        since = arrived.pop(uuid, None)
        if since is not None:
            found.append(time.perf_counter() - since)
        return sent

    driver.links._sink = driver
    driver.on_event, driver.links.execute = stamped, measured


def script(seconds: int) -> list[Any]:
    """Ask for the balance again and again for this long, then hang up."""
    steps: list[Any] = []
    for _ in range(max(1, seconds // 6)):
        steps += ["1", {"wait": 6}]
    return [*steps, "h"]


def place_all(links: Any, calls: int, per_s: float, seconds: int) -> None:
    for number in range(calls):
        wish = {"number": f"1380000000{number % 4}", "called": "10086", "script": script(seconds)}
        links.submit_api("cti_call", urlsafe_b64encode(json.dumps(wish).encode()).decode())
        gevent.sleep(1 / per_s)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure(calls: int, per_s: float) -> bool:
    seconds = int(calls / per_s) + 20
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        switch, port = start_switch(folder)
        try:
            (folder / "cti.yaml").write_text(CONFIG.format(flows=ROOT / "ivr_flows", port=port))
            application = Application(load_settings(folder / "cti.yaml"))
            driver = application.switches_by_name["bench"]
            steps: list[float] = []
            watch_steps(driver, steps)
            application.start()
            application.wait_until_up(10.0)
            before, cpu = resident_kib(), time.process_time()
            began = time.monotonic()
            placing = gevent.spawn(place_all, driver.links, calls, per_s, seconds)
            placing.join()
            gevent.sleep(10)
            peak, at_peak = application.figures().active, resident_kib()
            while application.figures().active and time.monotonic() - began < seconds + 120:
                gevent.sleep(0.5)
            took, cpu = time.monotonic() - began, time.process_time() - cpu
            application.store.flush(30.0)
            rows = application.store.list_calls(limit=calls + 100, where=CallFilter())
            application.stop()
        finally:
            switch.terminate()
            switch.wait(20)
    good = sum(row.terminal_cause == "caller_hangup" and row.goals == ("balance",) for row in rows)
    print(f"calls placed {calls} at {per_s:g}/s, at once {peak}, records {len(rows)}, failed {calls - good}")
    if good != calls:
        print("  other endings:", Counter((row.terminal_cause, row.outcome, row.goals, row.error) for row in rows))
    each = (at_peak - before) / calls
    print(f"memory of the engine: {before} KiB before, {at_peak} KiB at the peak: {each:.1f} KiB a call")
    print(
        f"step overhead, {len(steps)} steps: p50 {percentile(steps, 0.5) * 1e3:.2f} ms, "
        f"p95 {percentile(steps, 0.95) * 1e3:.2f} ms, p99 {percentile(steps, 0.99) * 1e3:.2f} ms"
    )
    print(f"CPU of the engine: {cpu:.1f} s in {took:.0f} s, {cpu / calls * 1e3:.1f} ms a call")
    return good == calls and peak >= calls


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=1000)
    options.add_argument("--per-second", type=float, default=40.0)
    chosen = options.parse_args()
    logging.basicConfig(level=logging.ERROR)
    met = measure(chosen.calls, chosen.per_second)
    print("0 failed, all at once: met" if met else "0 failed, all at once: MISSED")
    sys.exit(not met)


if __name__ == "__main__":
    main()
