"""What no schema can tell of an XATMI service: has a buffer without fields a body, are there fields for it?"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cti.boss.codecs import prove_body
from cti.boss.paths import parse_path
from cti.boss.way import Carried, Finding
from cti.boss.ways.tuxedo.options import TuxedoBackend, TuxedoTarget

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")


def prove_backend(backend: TuxedoBackend) -> Iterable[Finding]:
    if backend.password is not None and backend.password_file is not None:
        yield Finding(("password",), "bad-option", "write one of password_file and password")
    if backend.password is not None and not backend.password.startswith("${"):
        yield Finding(("password",), "secret-in-clear", "the password belongs in password_file, or in ${ENV}")
    if backend.module == "endurox":
        for option in ("user", "password", "password_file"):
            if getattr(backend, option) is not None:
                yield Finding((option,), "bad-option", "a client of Enduro/X joins without a user; leave it out")


def prove_target(target: TuxedoTarget, carried: Carried) -> Iterable[Finding]:
    if target.buffer in ("string", "carray"):
        if target.body is None:
            yield Finding(
                (), "missing-option", f"a buffer of {target.buffer} has no fields: 'body' says how they are written"
            )
    elif target.buffer == "fml" and (target.body is not None or target.reply is not None):
        yield Finding(("body",), "bad-option", "'body' and 'reply' are for buffers without fields, not for fml")
    for part in ("body", "reply"):
        options = getattr(target, part)
        if options is not None:
            yield from prove_body(options, (part,))
    if (target.errors or target.good) and target.code is None:
        yield Finding((), "missing-option", "'errors' and 'good' need 'code', where the code stands: urcode, or ERR[0]")
    if target.buffer == "fml":
        for name in sorted(carried.fields):
            if not _FIELD.fullmatch(name):
                yield Finding(("send",), "unknown-field", f"'{name[:60]}' is no name of an FML field")
    for where, text in target.take.items():
        problem = parse_path(text)
        if isinstance(problem, str):
            yield Finding(("take", where), "bad-option", problem)
