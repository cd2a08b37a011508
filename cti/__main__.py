"""`python -m cti`, `cti`."""

from __future__ import annotations

import sys

from cti.cli import main

if __name__ == "__main__":
    sys.exit(main())
