"""An HTTP server as a feed's destination: a batch is one POST of JSON lines."""

from __future__ import annotations

import time
from collections.abc import Callable

from cti.boss.feeds.destination import FeedUndelivered
from cti.boss.feeds.options import FeedHttp
from cti.boss.way import Surroundings, WayError
from cti.boss.ways.http.exchange import failure_of
from cti.boss.ways.http.options import HttpBackend, OperationOptions
from cti.boss.ways.http.way import HttpWay
from cti.boss.ways.secrets import secret_of
from cti.core.async_requests import check_secret
from cti.core.errors import ConfigError, CtiError
from cti.core.feeds import FeedFile
from cti.core.webhooks import Key, message

_TYPE = "application/x-ndjson"
#: It has the batch already.
_TWICE = 409


class HttpDestination:
    """2xx: it arrived; 409 too: it had arrived before. Redirects are not followed."""

    def __init__(self, options: FeedHttp, around: Surroundings, now: Callable[[], float]) -> None:
        self._timeout_s, self._now = options.timeout_s, now
        secret = secret_of(options.secret, options.secret_file, around.folder, "the secret of a feed")
        self._keys = [] if secret is None else [Key("k1", _checked(secret, around.name))]
        self._way = HttpWay(backend_of(options), around)

    def deliver(self, file: FeedFile, data: bytes) -> None:
        key = f"{file.feed}/{file.number}"
        signed = message(key, data.decode(), self._keys, self._now()).headers if self._keys else {}
        headers = {
            **signed, "Content-Type": _TYPE, "Idempotency-Key": key, "Feed-Number": file.number,
            "Feed-Rows": str(file.rows), "Feed-Digest": f"sha-256={file.digest}",
        }  # fmt: skip
        try:
            status = self._way.post(data, headers, time.monotonic() + self._timeout_s).status
        except WayError as error:
            raise FeedUndelivered(error.reason) from None
        failure = failure_of(status)
        if failure is not None and status != _TWICE:
            raise FeedUndelivered(failure.reason)

    def fetch(self, name: str) -> bytes | None:
        """What was posted is the receiver's."""
        return None

    def close(self) -> None:
        self._way.close()


def backend_of(options: FeedHttp) -> HttpBackend:
    """As the HTTP way has it; proved already."""
    own = set(FeedHttp.model_fields) - {"secret", "secret_file", "timeout_s"}
    told = {name: getattr(options, name) for name in own}
    return HttpBackend.model_construct(
        **{**_DEFAULTS, **told, "operations": {"feed": OperationOptions(reply=None)}, "idle_s": 0.0}
    )


_DEFAULTS = {name: field.default for name, field in HttpBackend.model_fields.items() if not field.is_required()}


def _checked(secret: str, name: str) -> str:
    try:
        return check_secret(secret)
    except CtiError as error:
        raise ConfigError(f"{name}: {error.message}", code=error.code) from None
