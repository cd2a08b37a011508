"""The repositories of users and what belongs to them, together; and how they are opened beside a running engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from cti.core.errors import StoreUnavailable
from cti.store import keycheck
from cti.store.agent_states import AgentStates
from cti.store.agents import Agents
from cti.store.api_keys import ApiKeys
from cti.store.async_requests import AsyncRequests
from cti.store.attempts import SignInAttempts
from cti.store.audit import Audit
from cti.store.blocked import BlockedNumbers
from cti.store.callbacks import Callbacks
from cti.store.cluster import ClusterStore
from cti.store.credentials import Credentials
from cti.store.customers import Customers
from cti.store.database import file_of, make_engine, parse_url
from cti.store.feeds import Feeds
from cti.store.flow_drafts import FlowDrafts
from cti.store.idempotency import IdempotencyKeys
from cti.store.jobs import Jobs
from cti.store.limits import AccountLimits
from cti.store.migrate import require_head
from cti.store.notices import Notices
from cti.store.office_cache import OfficeCache
from cti.store.office_sealer import OfficeSealer
from cti.store.office_writes import OfficeWrites
from cti.store.orders import InboundOrders
from cti.store.people import People
from cti.store.recordings import Recordings
from cti.store.repository import on_thread
from cti.store.request_files import RequestFiles
from cti.store.schedules import Schedules
from cti.store.sealing import Sealer
from cti.store.webhook_queue import WebhookQueue
from cti.store.webhooks import Webhooks


class AccountStore:
    """``people``: users, teams, roles; ``agents``: their profiles; ``credentials``, ``keys``, ``audit``; and what
    people look after: ``callbacks``, ``notices``, ``blocked`` numbers, ``recordings``. ``limits`` of accounts, and
    ``attempts`` to sign in. ``webhooks``, and the ``webhook_queue`` of what is to be sent to them."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        self.people = People(engine, url)
        self.agents = Agents(engine, url, sealer)
        self.credentials = Credentials(engine, url, sealer)
        self.keys = ApiKeys(engine, url)
        self.audit = Audit(engine, url, sealer)
        self.callbacks = Callbacks(engine, url, sealer)
        self.notices = Notices(engine, url)
        self.blocked = BlockedNumbers(engine, url, sealer)
        self.drafts = FlowDrafts(engine, url)  # of flows
        self.idempotency = IdempotencyKeys(engine, url, sealer)
        self.recordings = Recordings(engine, url, sealer)
        self.schedules = Schedules(engine, url)
        self.customers = Customers(engine, url, sealer)
        self.agent_states = AgentStates(engine, url)
        self.office_sealer = OfficeSealer(sealer)
        self.office_writes = OfficeWrites(engine, url, self.office_sealer)
        self.office_cache = OfficeCache(engine, url)
        self.async_requests = AsyncRequests(engine, url, self.office_sealer)
        self.feeds = Feeds(engine, url, sealer)
        self.request_files = RequestFiles(engine, url, self.office_sealer)
        self.jobs = Jobs(engine, url)
        self._cluster = url, sealer
        self.orders = InboundOrders(engine, url, sealer)
        self.limits = AccountLimits(engine, url)
        self.webhooks = Webhooks(engine, url, sealer)
        self.webhook_queue = WebhookQueue(engine, url, sealer)
        self.attempts = SignInAttempts(engine, url, sealer)

    def open_cluster(self) -> ClusterStore:
        """On connections of its own, for who opens it to close."""
        return ClusterStore(*self._cluster)

    def close(self) -> None:
        self.attempts.close()
        self.schedules.close()
        self.customers.close()
        self.agent_states.close()
        people = (self.people, self.agents, self.credentials, self.keys, self.audit, self.drafts, self.idempotency)
        for repository in (*people, self.callbacks, self.notices, self.blocked, self.recordings, self.limits):
            repository.close()
        self.office_writes.close()
        self.office_cache.close()
        self.jobs.close()
        self.orders.close()
        self.async_requests.close()
        self.feeds.close()
        self.request_files.close()
        self.webhooks.close()
        self.webhook_queue.close()


@contextmanager
def open_accounts(url: str, key_ring_path: Path, *, busy_s: float = 5.0) -> Iterator[AccountStore]:
    """Beside a running engine, for `cti user`. Raises ConfigError, StoreUnavailable."""
    parsed = parse_url(url)
    file = file_of(parsed)
    if file is not None and not file.exists():
        raise StoreUnavailable(f"there is no database {file}", remedy="start the engine once, it makes one")
    engine = make_engine(parsed, busy_s=busy_s, read_only=False)

    def unlock() -> Sealer:
        with engine.connect() as connection, connection.begin():
            require_head(connection, parsed)
            return keycheck.unlock(connection, key_ring_path, create=False, mark=False)

    store = None
    try:
        store = AccountStore(engine, parsed, on_thread(parsed, unlock))
        yield store
    finally:
        if store is not None:
            store.close()
        engine.dispose()
