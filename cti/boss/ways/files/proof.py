"""What no schema can tell of files: is the pattern one, does a feed have the field by which it is asked?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cti.boss.codecs import is_charset, prove_body, unknown_charset
from cti.boss.way import Carried, Finding
from cti.boss.ways.files.options import FilesBackend, FilesTarget
from cti.boss.ways.files.transport import TransportOptions, split
from cti.core.errors import ConfigError


def prove_backend(backend: FilesBackend) -> Iterable[Finding]:
    yield from prove_transport(backend.url, backend)
    for name, feed in backend.feeds.items():
        where = ("feeds", name)
        try:
            groups = re.compile(feed.match).groupindex
        except re.error:
            yield Finding((*where, "match"), "bad-option", "this is no regular expression")
        else:
            if "seq" not in groups:
                yield Finding((*where, "match"), "missing-option", r"'match' needs the group (?P<seq>\d+)")
        if not is_charset(feed.charset):
            yield unknown_charset(feed.charset, (*where, "charset"))
        yield from prove_body(feed.row, (*where, "row"))
        if feed.row.rows is not None:
            yield Finding((*where, "row", "rows"), "bad-option", "each line is one record already")
        if feed.row.fields and feed.key not in [field.name for field in feed.row.fields]:
            yield Finding((*where, "key"), "unknown-field", f"'{feed.key[:40]}' is not among the fields of 'row'")


def prove_transport(url: str, options: TransportOptions) -> Iterator[Finding]:
    """Where files are: paths begin with ``url`` or with an option."""
    try:
        parts = split(url)
    except ConfigError as error:
        yield Finding(("url",), error.code, error.remedy)
        return
    if parts.scheme == "ftp" and not options.insecure and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        yield Finding(("url",), "insecure", "write ftps or sftp, or 'insecure: true' for FTP in clear")
    if parts.scheme == "sftp" and options.known_hosts is None and options.fingerprint is None:
        yield Finding((), "missing-option", "sftp needs known_hosts, or fingerprint (SHA256:…)")
    if not is_charset(options.names):
        yield unknown_charset(options.names, ("names",))


def prove_target(backend: FilesBackend, target: FilesTarget, carried: Carried) -> Iterator[Finding]:
    feed = backend.feeds.get(target.feed)
    if feed is None:
        known = ", ".join(sorted(backend.feeds))
        yield Finding(("feed",), "unknown-feed", f"'{target.feed[:40]}' is no feed of this back end; known are {known}")
        return
    if carried.write:
        yield Finding((), "bad-option", "files only answer look-ups: a request goes another way")
    if carried.fields != {feed.key}:
        yield Finding(("send",), "unknown-field", f"{target.feed} is asked by '{feed.key}' and by nothing else")
