"""Password hashes (argon2id), made on threads of their own: one takes tens of milliseconds, and calls must not wait.

19 MiB, two passes, one lane: OWASP's least set of parameters. More would make a shift of hundreds who sign in within
a minute wait; a hash made with other parameters is renewed at the next sign-in.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, TypeVar

import gevent
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from gevent.threadpool import ThreadPool

from cti.core.access.passwords import normalised
from cti.core.errors import CtiError
from cti.store.threads import Job, end_threads

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_THREADS = 2
#: How long one waits for its turn and its hash; at two threads and 30 ms that is a queue of more than a thousand.
_ANSWER_S = 20.0
#: The hash of something that nobody knows, with the parameters below; one with others is made when it is needed.
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$VUS76sFuw7+ajgclLBnxFg$kJUZ6jyDkE1exQlhVwXppb7Gz8d6lVbMSu7vkv2QFjw"
#: Without letters and digits that are taken for one another. Four groups of four are 79 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class Busy(CtiError):
    code = "busy"


class Hasher:
    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
        self._pool = ThreadPool(_THREADS)
        own = self._hasher.check_needs_rehash(_NOBODYS)
        self._nobodys = self._hasher.hash(secrets.token_hex(16)) if own else _NOBODYS

    def close(self) -> None:
        end_threads(self._pool)

    def hash(self, password: str) -> str:
        return self._on_thread(self._hasher.hash, normalised(password))

    def verify(self, hashed: str | None, password: str) -> bool:
        """None (no such user, no password) takes as long as a wrong password."""
        return self._on_thread(self._verify, hashed or self._nobodys, normalised(password)) and hashed is not None

    def outdated(self, hashed: str) -> bool:
        return self._hasher.check_needs_rehash(hashed)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    def _on_thread(self, work: Callable[..., T], *arguments: str) -> T:
        # Spawning waits, too, while every thread is at work.
        with gevent.Timeout(_ANSWER_S, Busy("too many sign-ins at once", remedy="try again")):
            job = Job(self._pool, work, *arguments)
            job.wait(_ANSWER_S)
        return job.get()


def one_time_password() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
    return "-".join(groups)
