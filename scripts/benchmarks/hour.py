"""500 agents and 8,000 contacts of 180 s in an accelerated hour over the whole engine on the embedded switch, in one
process, with a change of 250 agents in two minutes. Everything lasts 1/FACTOR as long, and the clock runs as always.

Fails when a count is not what happened (tests/benchmarks/hour.py says what is held against what).
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.hour import WITHIN_S, Hour


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--agents", type=int, default=500)
    options.add_argument("--contacts", type=int, default=8000)
    options.add_argument("--factor", type=float, default=4.0, help="how many times as fast; default: 4")
    chosen = options.parse_args()
    logging.basicConfig(level=logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        hour = Hour(Path(folder), agents=chosen.agents, contacts=chosen.contacts, factor=chosen.factor)
        try:
            found = hour.run()
        finally:
            hour.close()
    print(
        f"{chosen.agents} agents, {chosen.contacts} contacts, factor {chosen.factor:g}: {found.seconds:.0f} s,", end=" "
    )
    each = found.cpu_s / chosen.contacts * 1e3
    print(f"{found.cpu_s:.0f} s of CPU, {each:.1f} ms a contact, with the switch and people")
    print(f"channels at once {found.busiest}, latest arrival {found.late_s * 1e3:.0f} ms late,", end=" ")
    print(f"at most {found.resident_kib / 1024:.0f} MiB")
    print("counts:", {name: found.counts[name] for name in ("offered", "answered", "abandoned", "flow_out", "lost")})
    print(f"answered within {WITHIN_S} s: {found.level_of_counts} by the counts, {found.level_of_facts} by the facts")
    for difference in found.differences[:10]:
        print("  differs:", difference)
    print(f"counts reconcile: {'MISSED: ' + '; '.join(found.wrong) if found.wrong else 'met'}")
    sys.exit(bool(found.wrong))


if __name__ == "__main__":
    main()
