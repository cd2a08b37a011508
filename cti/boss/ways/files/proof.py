"""What no schema can tell of files: is the pattern one, does a feed have the field by which it is asked, does a line
have what is to be sent?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cti.boss.codecs import BodyOptions, is_charset, prove_body, unknown_charset
from cti.boss.mapping import KEY
from cti.boss.way import Carried, Finding
from cti.boss.ways.files.naming import prove_chk, prove_names
from cti.boss.ways.files.options import FeedOptions, FilesBackend, FilesTarget, SendOptions
from cti.boss.ways.files.transport import TransportOptions, split
from cti.core.errors import ConfigError

Path = tuple[str | int, ...]


def prove_backend(backend: FilesBackend) -> Iterable[Finding]:
    yield from prove_transport(backend.url, backend)
    for name, feed in backend.feeds.items():
        yield from _prove_feed(feed, ("feeds", name), numbered=True)
    if backend.send is not None:
        yield from _prove_send(backend.send)
    if backend.answers is not None:
        yield from _prove_feed(backend.answers, ("answers",), numbered=False)


def _prove_feed(feed: FeedOptions, where: Path, *, numbered: bool) -> Iterator[Finding]:
    try:
        groups = re.compile(feed.match).groupindex
    except re.error:
        yield Finding((*where, "match"), "bad-option", "this is no regular expression")
    else:
        if numbered and "seq" not in groups:
            yield Finding((*where, "match"), "missing-option", r"'match' needs the group (?P<seq>\d+)")
        if not numbered and feed.gap == "hold" and "seq" not in groups:
            yield Finding((*where, "gap"), "missing-option", r"to know a gap 'match' needs the group (?P<seq>\d+)")
    yield from _prove_rows(feed.row, feed.charset, feed.key, where)


def _prove_rows(row: BodyOptions, charset: str, key: str, where: Path) -> Iterator[Finding]:
    if not is_charset(charset):
        yield unknown_charset(charset, (*where, "charset"))
    yield from prove_body(row, (*where, "row"))
    if row.rows is not None:
        yield Finding((*where, "row", "rows"), "bad-option", "each line is one record already")
    if row.fields and key not in [field.name for field in row.fields]:
        yield Finding((*where, "key"), "unknown-field", f"'{key[:40]}' is not among the fields of 'row'")


def _prove_send(send: SendOptions) -> Iterator[Finding]:
    done = send.done
    per_day = send.seq == "per_day"
    for option, message in prove_names(send.name, send.temp, done.name if done else None, per_day=per_day):
        yield Finding(("send", "done", "name") if option == "done" else ("send", option), "bad-option", message)
    wrong = prove_chk(done.body) if done is not None else None
    if wrong is not None:
        yield Finding(("send", "done", "body"), "bad-option", wrong)
    yield from _prove_rows(send.row, send.charset, send.key, ("send",))


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
    if target.feed is None:
        yield from _prove_sent(backend, carried)
        return
    feed = backend.feeds.get(target.feed)
    if feed is None:
        known = ", ".join(sorted(backend.feeds)) or "none"
        yield Finding(("feed",), "unknown-feed", f"'{target.feed[:40]}' is no feed of this back end; known are {known}")
        return
    if carried.write:
        yield Finding(("feed",), "bad-option", "a feed only answers look-ups: a request goes by 'send' of the back end")
    if carried.fields != {feed.key}:
        yield Finding(("send",), "unknown-field", f"{target.feed} is asked by '{feed.key}' and by nothing else")


def _prove_sent(backend: FilesBackend, carried: Carried) -> Iterator[Finding]:
    if backend.send is None:
        yield Finding((), "missing-option", "name a 'feed' of the back end, or write 'send' there: where is it to go?")
        return
    if not carried.write and backend.answers is None:
        yield Finding((), "missing-option", "the back end has no 'answers', so that a look-up never gets one")
    fields = {field.name: field.required for field in backend.send.row.fields}
    sent = carried.fields - {KEY} | {backend.send.key}
    for name in sorted(sent - fields.keys()) if fields else ():
        yield Finding(("send",), "unknown-field", f"'{name[:40]}' is not among the fields of send.row")
    for name in sorted(name for name, required in fields.items() if required and name not in sent):
        yield Finding(("send",), "missing-field", f"the line needs '{name[:40]}', and nothing is sent for it")
