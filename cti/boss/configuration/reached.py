"""Which machines the options of a way name, and whether they may be targets (``security.targets``)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from cti.boss.feeds.options import FeedHttp, FeedSection
from cti.boss.orders.options import OrderFiles
from cti.boss.redis_options import PORT, RedisSection
from cti.boss.segments import SegmentsSection
from cti.boss.way import Finding
from cti.boss.ways.database_hosts import hosts_of
from cti.boss.ways.databases import DatabaseOptions
from cti.boss.ways.files.options import FilesBackend
from cti.boss.ways.files.transport import default_port, split
from cti.boss.ways.http.options import HttpBackend
from cti.boss.ways.socket.options import SocketBackend
from cti.boss.ways.tuxedo.addresses import VARIABLE, refused_addresses
from cti.boss.ways.tuxedo.options import TuxedoBackend
from cti.core.errors import ConfigError
from cti.core.targets import NOT_ALLOWED, TargetRules
from cti.validating import Section

Path = tuple[str | int, ...]
_PORTS = {"https": 443, "redis": PORT, "rediss": PORT}
Named = tuple[Path, str, int]


def prove_targets(options: Section, rules: TargetRules) -> Iterator[Finding]:
    """Hosts that stand there literally; those of ``${NAME}`` and the addresses of names are checked when they are
    connected to."""
    for path, host, port in _named(options):
        why = rules.refusal(host, port)
        if why is not None:
            yield Finding(path, NOT_ALLOWED, f"{why}; list it there")
    if isinstance(options, TuxedoBackend):
        for why in refused_addresses(options.environment, rules):
            yield Finding(("environment", VARIABLE), NOT_ALLOWED, f"{why}; list it there by what stands here")


def _named(options: Section) -> Iterator[Named]:
    """(path of the option, host, port)."""
    if isinstance(options, SocketBackend):
        for at, address in enumerate(options.addresses):
            yield ("addresses", at, "host"), address.host, address.port
    elif isinstance(options, HttpBackend | FeedHttp | RedisSection):
        yield from _of_url(options.url)
    elif isinstance(options, DatabaseOptions):
        yield from _of_database(options.url)
    elif isinstance(options, FilesBackend | OrderFiles):
        yield from _of_folder(options.url, ("url",))
    elif isinstance(options, SegmentsSection) and options.database is not None:
        yield from _under("database", _named(options.database))
    elif isinstance(options, FeedSection):
        if options.to is not None:
            yield from _of_folder(options.to, ("to",))
        for part in ("table", "http"):
            section = getattr(options, part)
            if section is not None:
                yield from _under(part, _named(section))


def _under(option: str, found: Iterator[Named]) -> Iterator[Named]:
    for path, host, port in found:
        yield (option, *path), host, port


def _of_url(url: str) -> Iterator[Named]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return  # told as what it is: bad-url
    if host:
        yield ("url",), host, port or _PORTS.get(parts.scheme, 80)


def _of_database(url: str) -> Iterator[Named]:
    try:
        for host, port in hosts_of(make_url(url)):
            yield ("url",), host, port
    except (ArgumentError, ValueError):
        return  # ${NAME}, or told as bad-url


def _of_folder(url: str, path: Path) -> Iterator[Named]:
    try:
        parts = split(url)
    except ConfigError:
        return
    if parts.hostname and parts.scheme != "file":
        yield path, parts.hostname, parts.port or default_port(parts)
