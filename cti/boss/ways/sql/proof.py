"""What no schema can tell of SQL: is it a url, is it one statement that only reads, are its parameters brought?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cti.boss.mapping import KEY
from cti.boss.way import Carried, Finding
from cti.boss.ways.databases import prove_url
from cti.boss.ways.sql.options import SqlBackend, SqlTarget
from cti.boss.ways.sql.statements import READS, WRITES, prepared, problem_of
from cti.flow.suggest import did_you_mean

Path = tuple[str | int, ...]


def prove_backend(backend: SqlBackend) -> Iterable[Finding]:
    return prove_url(backend.url)


def prove_target(target: SqlTarget, carried: Carried) -> Iterable[Finding]:
    if carried.write:
        yield from _prove_request(target, carried)
        return
    for option, given in (("write", target.write), ("read", target.read)):
        if given:
            yield Finding((option,), "bad-option", f"a look-up only reads: '{option}' is for requests")
    if target.sql is None:
        yield Finding((), "missing-option", "'sql' must be given")
    else:
        yield from _prove((("sql",), target.sql), (), carried)


def _prove_request(target: SqlTarget, carried: Carried) -> Iterator[Finding]:
    if target.sql is not None:
        yield Finding(("sql",), "bad-option", "a request has 'write' and 'read'; 'sql' is for look-ups")
    for option, given in (("write", target.write), ("read", target.read)):
        if not given:
            yield Finding((), "missing-option", f"'{option}' must be given")
    if not target.write or target.read is None:
        return
    many = len(target.write) > 1
    writes = tuple((("write", n) if many else ("write",), sql) for n, sql in enumerate(target.write))
    found = list(_prove((("read",), target.read), writes, carried))
    yield from found
    if not found and KEY not in prepared(target.read)[1]:
        yield Finding(("read",), "bad-sql", "'read' finds the request again: its SQL needs ':key'")


def _prove(read: tuple[Path, str], writes: tuple[tuple[Path, str], ...], carried: Carried) -> Iterator[Finding]:
    """Each statement by itself, then their parameters together against what is brought."""
    problems = [(path, problem_of(sql, WRITES)) for path, sql in writes] + [(read[0], problem_of(read[1], READS))]
    if any(problem is not None for _, problem in problems):
        yield from (Finding(path, "bad-sql", problem) for path, problem in problems if problem is not None)
        return
    used: set[str] = set()
    brought = carried.fields | ({KEY} if carried.write else set())
    for path, sql in (*writes, read):
        names = prepared(sql)[1]
        used |= names
        for name in sorted(names - brought):
            hint = did_you_mean(name, brought)
            yield Finding(path, "bad-sql", f"the SQL asks for ':{name}', which is not among 'in'{hint}")
    for name in sorted(brought - used - {KEY}):
        yield Finding(read[0], "bad-sql", f"'{name}' is brought, but the SQL has no ':{name}'")
