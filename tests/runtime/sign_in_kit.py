"""Somebody who signs in, rightly and wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.runtime.sign_in import SignedIn, SignInRefused
from tests.runtime.accountkit import PASSWORD, Office

WRONG = "wrong horse battery staple"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path)
    yield found
    found.close()


def sign_in(office: Office, name: str, password: str = PASSWORD) -> SignedIn:
    return office.services.sign_in.sign_in(name, password)


def fail(office: Office, name: str, password: str = WRONG) -> None:
    with pytest.raises(SignInRefused) as error:
        sign_in(office, name, password)
    assert error.value.message == "the name or the password is wrong"


def who(office: Office, token: str) -> str:
    return office.services.authentication.by_token(token).name
