"""What no schema can tell of interface tables: do the fields have columns of their own, is there one for the `op`?"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cti.boss.mapping import KEY
from cti.boss.way import Carried, Finding
from cti.boss.ways.databases import prove_url
from cti.boss.ways.table.options import TableBackend, TableTarget

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


def prove_backend(backend: TableBackend) -> Iterable[Finding]:
    yield from prove_url(backend.url)
    if backend.request.table == backend.response.table:
        yield Finding(("response", "table"), "bad-option", "questions and answers need a table each")


def prove_target(backend: TableBackend, target: TableTarget, carried: Carried) -> Iterable[Finding]:
    if target.op and backend.request.op is None:
        yield Finding(("op",), "bad-option", "there is no column for it: name one at request.op of the back end")
    own = {name.lower() for name in backend.request.own if name}
    for name in sorted(carried.fields - {KEY}):
        if not _COLUMN.fullmatch(name):
            yield Finding(("send",), "bad-column", f"'{name}' is no name of a column; letters, digits and _")
        elif name.lower() in own:
            yield Finding(("send",), "bad-column", f"'{name}' is a column that the way itself fills; use another one")
