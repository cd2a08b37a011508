"""How long it takes to read and check flows of 500 and 1,500 nodes, and to prove them with what surrounds them.

The peer is PyYAML's `safe_load` of the same text: a tool that only reads the YAML, in the same language and with the
same pure scanner, so the difference is what locating, typing and proving cost.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import yaml

from cti.flow import Catalog, LookupSignature, check_closure, load_flow
from tests.benchmarks.bigflow import big_flow

LIMIT_S = 2.0  # of 500 nodes
SUBSCRIBER = LookupSignature.parse(
    {"msisdn": "phone"}, {"tier": "enum[standard, vip, senior]", "balance": "decimal"}, ("not_found",)
)
CATALOG = Catalog(lookups={"subscriber.get": SUBSCRIBER}, queues=frozenset({"service"}))


def timed(work: Callable[[], object], rounds: int) -> list[tuple[float, float]]:
    """(elapsed, CPU) seconds of each round."""
    found = []
    for _ in range(rounds):
        begun, cpu = time.monotonic(), time.process_time()
        work()
        found.append((time.monotonic() - begun, time.process_time() - cpu))
    return found


def shown(what: str, times: list[tuple[float, float]]) -> float:
    elapsed, cpu = ([one[part] for one in times] for part in (0, 1))
    spread = f"{min(elapsed):.2f} to {max(elapsed):.2f}"
    print(f"  {what:<28} median {statistics.median(elapsed):.2f} s ({spread}), CPU {statistics.median(cpu):.2f} s")
    return statistics.median(cpu)


def measure(count: int, rounds: int) -> float:
    """Median CPU seconds of reading and checking."""
    text = big_flow(count)

    def check() -> None:
        loaded = load_flow(text, "big.yaml", catalog=CATALOG)
        assert loaded.flow is not None, [str(issue) for issue in loaded.errors]
        check_closure({"big": loaded.flow}, {"office": None}, "big")

    nodes = len(load_flow(text, "big.yaml", catalog=CATALOG).flow.nodes)  # type: ignore[union-attr]
    print(f"{nodes} nodes, {len(text.encode()):,} bytes")
    checked = shown("read, checked, proved", timed(check, rounds))
    peer = shown("PyYAML safe_load (peer)", timed(lambda: yaml.safe_load(text), rounds))
    print(f"  {checked / peer:.2f} times the peer's CPU")
    return checked


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    checked = measure(500, rounds)
    measure(1500, max(3, rounds // 2))
    return int(checked > LIMIT_S)


if __name__ == "__main__":
    raise SystemExit(main())
