"""Agents' phones as a switch needs to know them: extensions of people who are not disabled, with their passwords."""

from __future__ import annotations

import hashlib
import logging
import secrets
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, select, update
from sqlalchemy.engine import URL

from cti.core.people import PhoneAccount, is_extension
from cti.store.repository import Repository
from cti.store.rows import clean, context, seal
from cti.store.schema_people import agents, users
from cti.store.sealing import SealBroken, Sealer

log = logging.getLogger("cti.store")

#: Of a phone's password: 24 characters of base64url are 144 bits, and every phone's form takes them.
_SIP_PASSWORD_BYTES = 18
_PHONES: Select[Any] = (
    select(agents.c.agent_id, agents.c.phone, agents.c.sip_password_sealed, users.c.title)
    .join(users, users.c.user_id == agents.c.user_id)
    .where(agents.c.phone.is_not(None), agents.c.sip_password_sealed.is_not(None), users.c.disabled_at.is_(None))
    .order_by(agents.c.phone)
)


class Phones(Repository):
    """Everything raises StoreUnavailable."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def sip_password(self, agent_id: str) -> str | None:
        """In clear. Raises SealBroken."""
        query = select(agents.c.sip_password_sealed).where(agents.c.agent_id == clean(agent_id, 64))
        sealed = self._read(lambda connection: connection.execute(query).scalar())
        return None if sealed is None else self._open(sealed, agent_id)

    def find_phone(self, number: str) -> PhoneAccount | None:
        """Raises SealBroken."""
        query = _PHONES.where(agents.c.phone == clean(number, 32))
        row = self._read(lambda connection: connection.execute(query).first())
        return None if row is None or not is_extension(row.phone) else self._account(row)

    def list_phones(self) -> list[PhoneAccount]:
        """By number. One whose password cannot be opened is left out, and the log says so."""
        found = []
        for row in self._rows():
            try:
                found.append(self._account(row))
            except SealBroken as broken:
                log.error("the phone of agent %s is left out of the switch's directory: %s", row.agent_id, broken)
        return found

    def phones_state(self) -> str:
        """Another text as soon as `list_phones` tells anything else; opens no password to find out."""
        return hashlib.sha256(repr([tuple(row) for row in self._rows()]).encode()).hexdigest()

    def _rows(self) -> list[Row[Any]]:
        rows = self._read(lambda connection: list(connection.execute(_PHONES)))
        return [row for row in rows if is_extension(row.phone)]

    def _account(self, row: Row[Any]) -> PhoneAccount:
        return PhoneAccount(row.phone, row.title, self._open(row.sip_password_sealed, row.agent_id))

    def _open(self, sealed: str, agent_id: str) -> str:
        return self._sealer.open(sealed, context("agents", "sip_password", agent_id))

    def _new_password(self, connection: Connection, agent_id: str, at: float) -> str:
        fresh = secrets.token_urlsafe(_SIP_PASSWORD_BYTES)
        sealed = seal(self._sealer, fresh, "agents", "sip_password", agent_id)
        query = update(agents).where(agents.c.agent_id == agent_id)
        connection.execute(query.values(sip_password_sealed=sealed, sip_password_at=at))
        return fresh
