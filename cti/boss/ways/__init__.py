"""The ways to a back office, one package each, behind `cti.boss.way`."""

from __future__ import annotations

from collections.abc import Mapping

from cti.boss.way import WayKind
from cti.boss.ways import files, http, socket, sql, table, tuxedo

#: By the word that stands at `way:`.
WAYS: Mapping[str, WayKind] = {
    "files": files.KIND,
    "http": http.KIND,
    "socket": socket.KIND,
    "sql": sql.KIND,
    "table": table.KIND,
    "tuxedo": tuxedo.KIND,
}
