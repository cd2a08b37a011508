"""`cti flow schema`: JSON Schema of the files that flow authors write, for their editors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.cli.output import write_output

if TYPE_CHECKING:
    import argparse


KINDS = ("flow", "entry", "calendar")


def add_to(verbs: Any) -> None:
    verb = verbs.add_parser("schema", help="JSON Schema for editors", description=__doc__)
    verb.add_argument("--kind", choices=KINDS, default="flow", help="of which file (default: flow)")
    verb.add_argument("--out", type=Path, metavar="FILE", help="write it there instead of printing it")
    verb.set_defaults(run=schema)


def schema(options: argparse.Namespace) -> int:
    from cti.flow.schema import SCHEMAS

    text = json.dumps(SCHEMAS[options.kind](), ensure_ascii=False, indent=2) + "\n"
    if options.out is None:
        sys.stdout.write(text)
    else:
        write_output(options.out, text)
    return 0
