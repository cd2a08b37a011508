"""API keys stand for a user until they end."""

from __future__ import annotations

import pytest

from cti.core.access import Grant, Role
from cti.core.errors import CtiError
from cti.core.people import UserKind
from cti.runtime.tokens import BadToken
from tests.runtime.accountkit import DEED, Office
from tests.runtime.sign_in_kit import office

__all__ = ["office"]  # the fixture


class TestKeys:
    @pytest.fixture
    def key(self, office: Office) -> str:
        office.services.accounts.add_user("robot", [Grant(Role.AGENT)], DEED, kind=UserKind.MACHINE, user_id="u-robot")
        _, text = office.services.accounts.add_key("u-robot", "test", DEED, expires_at=office.clock.at + 1000)
        return text

    def test_a_key_stands_for_its_user_until_it_is_revoked(self, office: Office, key: str) -> None:
        authentication, keys = office.services.authentication, office.store.accounts.keys
        principal = authentication.by_key(key)
        assert (principal.name, principal.roles) == ("robot", {Role.AGENT})
        found = keys.keys_of("u-robot")[0]
        assert (found.title, found.used_at, principal.via) == ("test", office.clock.at, f"key:{found.key_id}")
        office.services.accounts.revoke_key("u-robot", found.key_id, DEED)
        office.services.accounts.revoke_key("u-robot", found.key_id, DEED)  # once more is nothing
        with pytest.raises(BadToken):
            authentication.by_key(key)
        with pytest.raises(CtiError) as error:
            office.services.accounts.revoke_key("u-other", found.key_id, DEED)
        assert error.value.code == "unknown-key"

    def test_a_key_ends(self, office: Office, key: str) -> None:
        office.clock.move(1000)
        with pytest.raises(BadToken):
            office.services.authentication.by_key(key)

    @pytest.mark.parametrize("change", ["{}x", "x{}", "ctik_", "ctik__", "ctik_abc_def", "", "Ω", "{}\x00"])
    def test_other_texts_are_no_keys(self, office: Office, key: str, change: str) -> None:
        office.services.authentication.by_key(key)
        with pytest.raises(BadToken):
            office.services.authentication.by_key(change.format(key))

    def test_the_secret_is_not_kept(self, office: Office, key: str) -> None:
        secret = key.split("_", 2)[2]
        office.store.close(5.0)
        assert all(secret.encode() not in file.read_bytes() for file in office.folder.iterdir())

    def test_a_machine_has_no_password(self, office: Office, key: str) -> None:
        with pytest.raises(CtiError) as error:
            office.services.accounts.reset_password("u-robot", DEED)
        assert error.value.code == "no-password"
