"""Records of calls in a relational database: SQLite on one machine, PostgreSQL beyond. Behind `cti.ports.Store`."""

from cti.store.database import Endings
from cti.store.keyring import rotate
from cti.store.store import SqlStore, open_store
from cti.store.writer import WriterSettings

__all__ = ["Endings", "SqlStore", "WriterSettings", "open_store", "rotate"]
