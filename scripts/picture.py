"""Draws docs/call.svg: a call in the terminal, as `cti flow call` really printed it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
COMMAND = ["flow", "call", "hotline", "--keys", "1,2s,star,1,4s,h"]


def main() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cti", *COMMAND], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    console = Console(record=True, width=92, file=sys.stdout, force_terminal=True)
    console.print(Text.assemble(("$ ", "bold green"), ("cti " + " ".join(COMMAND), "bold")))
    for line in done.stdout.splitlines():
        style = "cyan" if "⌨" in line else "dim" if "🔊" not in line else ""
        console.print(Text(line, style=style))
    drawn = console.export_svg(title="a call to the hotline")
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)  # the viewer's own fonts, nothing from outside
    (ROOT / "docs" / "call.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
