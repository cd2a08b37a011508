"""Tokens that are not ours, or not ours any more: every one is 401, and never more than that."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from falcon import testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti.runtime.tokens import ACCESS_S, API, STREAM
from tests.api.site import Platform
from tests.runtime.accountkit import NOW

Claims = dict[str, Any]


def claims_of(platform: Platform, **changes: Any) -> Claims:
    """What is in a good token of root's, changed; None takes a claim away."""
    token = platform.token("root")
    good = jwt.decode(token, options={"verify_signature": False})
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(platform: Platform, key: Any = None, algorithm: str = "EdDSA", kid: str | None = "", **changes: Any) -> str:
    own = jwt.get_unverified_header(platform.token("root"))["kid"]
    headers = {"kid": own if kid == "" else kid} if kid is not None else {}
    return jwt.encode(claims_of(platform, **changes), key or platform.office.key, algorithm, headers)


def unsigned(platform: Platform) -> str:
    header = jwt.get_unverified_header(platform.token("root"))
    return jwt.encode(claims_of(platform), None, "none", {"kid": header["kid"]})


def public_key_as_secret(platform: Platform) -> str:
    """The classic: HMAC with the public key, where a verifier takes whatever algorithm the header names."""
    public = platform.office.key.public_key()
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return signed(platform, key=raw, algorithm="HS256")


def tampered(platform: Platform) -> str:
    head, _, signature = platform.token("anna").split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims_of(platform)).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def ticket(platform: Platform) -> str:
    authentication = platform.services.authentication
    return authentication.issue_ticket(authentication.by_token(platform.token("root")))


def without_via_of_another(platform: Platform) -> str:
    """Signed by us, for anna, with root's session: cannot come about, and is refused."""
    return signed(platform, sub="u-anna")


BAD: list[tuple[str, Callable[[Platform], str], str]] = [
    ("unsigned", unsigned, "bad-token"),
    ("HMAC with the public key", public_key_as_secret, "bad-token"),
    ("another algorithm", lambda p: signed(p, key="x" * 64, algorithm="HS512"), "bad-token"),
    ("another key", lambda p: signed(p, key=Ed25519PrivateKey.generate()), "bad-token"),
    ("another key id", lambda p: signed(p, kid="0" * 16), "bad-token"),
    ("no key id", lambda p: signed(p, kid=None), "bad-token"),
    ("tampered", tampered, "bad-token"),
    ("cut", lambda p: p.token("root")[:-2], "bad-token"),
    ("foreign audience", lambda p: signed(p, aud="somebody-elses"), "bad-token"),
    ("a ticket", ticket, "bad-token"),
    ("a stream's audience", lambda p: signed(p, aud=STREAM), "bad-token"),
    ("foreign issuer", lambda p: signed(p, iss="evil"), "bad-token"),
    ("expired", lambda p: signed(p, exp=int(NOW)), "token-expired"),
    ("long expired", lambda p: signed(p, nbf=0, iat=0, exp=1), "token-expired"),
    ("not valid yet", lambda p: signed(p, nbf=int(NOW) + 60), "token-expired"),
    ("expiry is a text", lambda p: signed(p, exp="4102444800"), "bad-token"),
    ("expiry is no whole number", lambda p: signed(p, exp=4102444800.5), "bad-token"),
    ("expiry is true", lambda p: signed(p, exp=True), "bad-token"),
    ("subject is a number", lambda p: signed(p, sub=7), "bad-token"),
    ("another's session", without_via_of_another, "bad-token"),
    ("no such session", lambda p: signed(p, via="session:nope"), "session-ended"),
    ("no such kind", lambda p: signed(p, via="root"), "session-ended"),
    ("a key that is none", lambda p: signed(p, via="key:nope"), "session-ended"),
    ("empty", lambda p: "", "bad-token"),
    ("long", lambda p: "x" * 5000, "bad-token"),
    ("three dots", lambda p: "a.b.c", "bad-token"),
    *((f"no {claim}", lambda p, claim=claim: signed(p, **{claim: None}), "bad-token")  # type: ignore[misc]
      for claim in ("exp", "aud", "iss", "sub", "jti", "iat", "nbf", "via")),
]  # fmt: skip


def ask(platform: Platform, header: str) -> testing.Result:
    return platform.anybody.simulate_get("/v1/me", headers={"Authorization": header})


@pytest.mark.parametrize(("make", "error_id"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_a_bad_token_is_refused(platform: Platform, make: Callable[[Platform], str], error_id: str) -> None:
    answer = ask(platform, f"Bearer {make(platform)}")
    assert (answer.status_code, answer.json["error_id"]) == (401, error_id), answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_the_same_made_well_is_taken(platform: Platform) -> None:
    assert ask(platform, f"Bearer {signed(platform)}").json["name"] == "root"
    assert ask(platform, f"bEaReR {signed(platform, aud=API)}").status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Basic cm9vdDpyb290", "Token x", "Bearer\tx"])
def test_other_headers_are_nobody(platform: Platform, header: str) -> None:
    answer = ask(platform, header)
    assert (answer.status_code, answer.json["error_id"] in ("not-signed-in", "bad-token")) == (401, True)


def test_a_key_and_a_token_together_are_a_mistake(platform: Platform) -> None:
    headers = {"Authorization": f"Bearer {platform.token('root')}", "X-API-Key": "ctik_a_b"}
    answer = platform.anybody.simulate_get("/v1/me", headers=headers)
    assert (answer.status_code, answer.json["error_id"]) == (400, "bad-request")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=200))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_a_token_or_a_key(platform: Platform, text: str) -> None:
    assert ask(platform, f"Bearer {text}").status_code == 401
    assert platform.anybody.simulate_get("/v1/me", headers={"X-API-Key": text}).status_code == 401


def test_a_token_ends_after_ten_minutes(fresh: Platform) -> None:
    assert fresh.do("anna", "GET", "/v1/me").status_code == 200
    fresh.office.clock.move(ACCESS_S)
    answer = fresh.do("anna", "GET", "/v1/me")
    assert (answer.status_code, answer.json["error_id"]) == (401, "token-expired")
