"""A day's contact file, fetched by SFTP from where the feed puts it, sums to the report."""

from __future__ import annotations

import io
from collections import Counter
from hashlib import md5
from pathlib import Path

from cti.boss.feeds.lines import read_lines
from cti.boss.feeds.sums import sums_of
from cti.boss.ways.files.transport import TransportOptions, open_transport
from cti.store import SqlStore
from tests.boss.feeds.daykit import BEGIN, FIRST, a_day, runner
from tests.boss.ways.files.servers import FINGERPRINT, PASSWORD, USER, Sftp
from tests.store.conftest import Folder

MOST = 1 << 20


def test_a_days_contact_file_fetched_by_sftp_sums_to_the_report(
    store: SqlStore, folder: Folder, tmp_path: Path
) -> None:
    a_day(store)
    runner(store, folder).run("daily")
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    server = Sftp(folder.path / "out")
    options = TransportOptions.model_validate({"password_file": "password", "fingerprint": FINGERPRINT})
    transport = open_transport(f"sftp://{USER}@127.0.0.1:{server.port}/", options, tmp_path)
    try:
        assert sorted(entry.name for entry in transport.list()) == [FIRST, f"{FIRST}.chk"]
        data, check = io.BytesIO(), io.BytesIO()
        transport.read(FIRST, data, most=MOST)
        transport.read(f"{FIRST}.chk", check, most=MOST)
    finally:
        transport.close()
        server.close()
    name, size, rows, digest = check.getvalue().decode().strip().split("|")
    fetched = data.getvalue()
    assert (name, int(size), int(rows)) == (FIRST, len(fetched), fetched.count(b"\n"))
    assert digest == md5(fetched).hexdigest()
    sums, counts = sums_of("contacts", read_lines(fetched, "contacts")), Counter[str]()
    for row in store.reports.counts("queue", int(BEGIN), int(BEGIN) + 86_400):
        counts[row.what] += row.value  # type: ignore[assignment]
    for what in ("offered", "answered", "abandoned", "handled"):
        assert counts[what] == sums["bills", "voice", what], what
    for what in ("talk_s", "hold_s", "work_s", "wait_answered_s"):
        assert round(counts[what] * 1000) == sums["bills", "voice", what], what
