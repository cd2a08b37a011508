"""A backup of a PostgreSQL database, beside a store that writes, and a database filled from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from cti.app import open_records
from cti.app.backup import create_backup, restore_backup
from cti.app.doctor.database import database
from cti.config import load_settings
from cti.core.errors import ConfigError, StoreUnavailable
from cti.store import SqlStore
from tests.store.conftest import Folder
from tests.store.test_postgresql import Server, server, store
from tests.store.test_store import A_CALL, keep

__all__ = ["server", "store"]

CONFIG = """\
data: .
flows: flows
store: {{url: "{url}"}}
switches: [{{name: fs1, password: only-for-tests}}]
"""


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not installed")
def test_a_database_is_dumped_beside_its_writer_and_filled(
    store: SqlStore, server: Server, folder: Folder, tmp_path: Path
) -> None:
    keep(store, *A_CALL)
    config = tmp_path / "cti.yaml"
    config.write_text(CONFIG.format(url=server.url))
    settings = load_settings(config)
    settings = settings.model_copy(
        update={"store": settings.store.model_copy(update={"keys": folder.path / "keys.json"})}
    )
    file, manifest = create_backup(settings, config, tmp_path / "backup.tar")
    assert manifest.database == "postgresql"
    with pytest.raises(ConfigError) as needed:
        restore_backup(file, tmp_path / "restored")
    assert needed.value.code == "database-needed"
    with pytest.raises(ConfigError) as taken:  # the store of this test is connected to it
        restore_backup(file, tmp_path / "taken", database=server.url)
    assert taken.value.code == "engine-running"
    url = server.url.replace("/postgres?", "/copy?")
    with pytest.raises(StoreUnavailable):
        restore_backup(file, tmp_path / "missing", database=url)
    engine = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE copy TEMPLATE template0"))
    engine.dispose()
    done = restore_backup(file, tmp_path / "restored", database=url)
    with open_records(load_settings(done.config)) as copy:
        assert copy.find_call("c1", unmask=True) == store.find_call("c1", unmask=True)
    with pytest.raises(ConfigError) as full:
        restore_backup(file, tmp_path / "again", database=url)
    assert full.value.code == "database-not-empty"
    restore_backup(file, tmp_path / "again", database=url, force=True)


def test_the_doctor_looks_at_the_server(store: SqlStore, server: Server, folder: Folder, tmp_path: Path) -> None:
    """Without fsync, as the server of the tests runs; and when it takes no writing."""
    config = tmp_path / "cti.yaml"
    keys = folder.path / "keys.json"
    config.write_text(CONFIG.format(url=server.url).replace("store: {", f"store: {{keys: {keys}, "))

    def look() -> set[str]:
        return {one.code for one in database(load_settings(config))}

    assert look() == {"database", "database-not-durable", "clock-same", "database-keys"}
    engine = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ALTER ROLE cti SET default_transaction_read_only = on"))
        try:
            assert look() == {"database", "database-read-only", "database-not-durable", "clock-same", "database-keys"}
        finally:
            connection.execute(text("SET default_transaction_read_only = off"))
            connection.execute(text("ALTER ROLE cti RESET default_transaction_read_only"))
    engine.dispose()
    config.write_text(CONFIG.format(url="postgresql+psycopg://cti@127.0.0.1:1/cti"))
    assert look() == {"database-unusable"}
