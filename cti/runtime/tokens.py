"""Access tokens and stream tickets: JWT (RFC 7519), signed with Ed25519 and with nothing else.

Every claim below is demanded. Times are checked here against the clock that is handed in; whose session it is and
whether it is still up is `authentication`'s business.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cti.core.errors import CtiError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from jwt.types import Options

    from cti.ports import Clock

ALGORITHM = "EdDSA"
ISSUER, API, STREAM = "cti", "cti-api", "cti-stream"
ACCESS_S, TICKET_S = 600, 30
#: Clocks of two machines may differ so much.
LEEWAY_S = 5.0
#: Longer than any of ours; not worth looking at.
TOKEN_MAX = 2048
#: Sessions and keys of which the end of the last access token is remembered.
_SESSIONS_MAX = 20_000
_PROVED_MAX = 5_000
_CLAIMS = ("iss", "aud", "sub", "jti", "iat", "nbf", "exp", "via")


class BadToken(CtiError):
    """Not one of ours, or changed on the way."""

    code = "bad-token"


class TokenExpired(CtiError):
    code = "token-expired"


@dataclass(frozen=True, slots=True)
class Claims:
    """``via``: the session or key it was given out for. ``expires_at`` in seconds since the epoch."""

    user_id: str
    via: str
    jti: str
    expires_at: float


class Tokens:
    def __init__(self, key: Ed25519PrivateKey, clock: Clock) -> None:
        self._key, self._public, self._clock = key, key.public_key(), clock
        raw = self._public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._kid = hashlib.sha256(raw).hexdigest()[:16]
        # Ends are monotonic: once a token was seen to be good, nobody who sets the clock makes it better or worse.
        self._good_until: OrderedDict[str, float] = OrderedDict()  # via -> end of its last access token
        self._proved: OrderedDict[str, tuple[Claims, float]] = OrderedDict()  # access token -> its claims, and end

    def good_s(self, via: str) -> float | None:
        """How long the newest access token of this session is good yet, as far as was seen; None: none was seen, as of
        an API key."""
        until = self._good_until.get(via)
        return None if until is None else until - self._clock.monotonic()

    def issue(self, user_id: str, via: str, audience: str = API, lives_s: int = ACCESS_S) -> str:
        now, until, jti = int(self._clock.now()), self._clock.monotonic() + lives_s, uuid.uuid4().hex
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": audience,
            "sub": user_id,
            "jti": jti,
            "iat": now,
            "nbf": now,
            "exp": now + lives_s,
            "via": via,
        }
        token = jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid})
        if audience == API:
            self._note(via, until)
            self._keep(token, Claims(user_id, via, jti, float(now + lives_s)), until)  # whatever is done to the clock
        return token

    def verify(self, token: str, audience: str = API) -> Claims:
        """Raises BadToken, TokenExpired."""
        if len(token) > TOKEN_MAX:
            raise BadToken("the token is too long to be one of ours")
        if audience != API:
            return self._in_time(self._prove(token, audience))
        claims, ends = self._prove_once(token)
        if ends <= self._clock.monotonic():
            raise TokenExpired("the token has expired")
        self._note(claims.via, ends)
        return claims

    def _prove_once(self, token: str) -> tuple[Claims, float]:
        """An access token comes with every request of ten minutes; signature and times are looked at with the first."""
        found = self._proved.get(token)
        if found is None:
            claims = self._in_time(self._prove(token, API))
            ends = self._clock.monotonic() + claims.expires_at - self._clock.now()
            found = self._keep(token, claims, ends)
        return found

    def _keep(self, token: str, claims: Claims, ends: float) -> tuple[Claims, float]:
        found = self._proved[token] = claims, ends
        if len(self._proved) > _PROVED_MAX:
            self._proved.popitem(last=False)
        return found

    def _prove(self, token: str, audience: str) -> dict[str, Any]:
        """The claims, of whatever time. Raises BadToken."""
        # The library's clock is the machine's; ours may be another. Everything else is the library's to check.
        options: Options = {
            "require": list(_CLAIMS),
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        }
        try:
            if jwt.get_unverified_header(token).get("kid") != self._kid:
                raise BadToken("the token is signed with a key that is not in use")
            found: dict[str, Any] = jwt.decode(
                token, self._public, algorithms=[ALGORITHM], audience=audience, issuer=ISSUER, options=options
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise BadToken(f"the token cannot be used: {error}") from None
        return found

    def _note(self, via: str, until: float) -> None:
        self._good_until[via] = max(until, self._good_until.pop(via, until))
        if len(self._good_until) > _SESSIONS_MAX:
            self._good_until.popitem(last=False)

    def _in_time(self, found: dict[str, Any]) -> Claims:
        begins, ends = found["nbf"], found["exp"]
        texts = [found[name] for name in ("sub", "via", "jti")]
        if not all(type(value) is int for value in (begins, ends)) or not all(type(value) is str for value in texts):
            raise BadToken("the token's claims are not of the right kind")
        now = self._clock.now()
        if begins > now + LEEWAY_S:
            # It is ours: the clock was set back. Whoever has it gets another one for its refresh token.
            raise TokenExpired("the token is not valid by the clock of today")
        if ends <= now:
            raise TokenExpired("the token has expired")
        return Claims(found["sub"], found["via"], found["jti"], float(ends))
