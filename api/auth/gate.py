"""Lets callers in: from what they show to who they are.

1. The server's own token, which `quivive up` makes and whoever can read its file may use, is compared as it is.
2. Any other is looked up by its id; what it was found to be is believed for a few seconds, so that a revocation counts soon.
3. Its secret is verified by argon2 once, and again when its hash is another; in between a keyed hash in memory stands for it.
"""

import asyncio
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import structlog

from api.auth import hashes
from api.auth.callers import ANYBODY, Caller, Role
from api.auth.limits import Buckets
from api.database import Database
from api.errors import ResourceExhausted, Unauthenticated
from quivive import sql
from quivive.tokens import Token, parse_token

log = structlog.get_logger(__name__)

SQL = sql.load("api.sql", "tokens.sql")

BELIEVED_S = 5.0
REMEMBERED = 10_000
NOTED_EVERY = timedelta(minutes=1)
"""How finely a token's last use is kept."""
GUESSES_PER_S, GUESSES_AT_ONCE = 20.0, 100.0
"""Secrets that may be wrong, over all callers: each costs an argon2."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as it is stored."""

    token_id: str
    hash: str
    role: str
    customer_id: str | None
    person: str
    title: str
    create_time: datetime
    expire_time: datetime | None
    last_use_time: datetime | None
    revoke_time: datetime | None


@dataclass(frozen=True, slots=True)
class _Known:
    hash: str
    caller: Caller
    expire: datetime | None
    until: float
    """Believed until then, by time.monotonic()."""


class Gate:
    """`required` false: everybody is an operator. `own` are the server's own tokens."""

    def __init__(self, database: Database, *, required: bool, own: Sequence[str] = ()) -> None:
        self._database = database
        self._required = required
        self._own = own
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._verifying = asyncio.Lock()
        self._guesses = Buckets(GUESSES_PER_S, GUESSES_AT_ONCE)

    async def caller(self, authorization: str | None) -> Caller:
        """Who shows this; `authorization` is the header of that name. Unauthenticated for whoever is not known."""
        if not self._required:
            return ANYBODY
        if authorization is None:
            raise Unauthenticated("NO_TOKEN", "a token is needed: authorization: Bearer qv_...")
        kind, _, shown = authorization.partition(" ")
        if kind.lower() != "bearer":
            raise Unauthenticated("NO_TOKEN", "authorization must be Bearer with a token")
        if any(hmac.compare_digest(shown.encode(), own.encode()) for own in self._own):
            return Caller(Role.OPERATOR, "operator")
        token = parse_token(shown)
        if token is None:
            raise _unknown()
        fast = blake2b(shown.encode(), key=self._key, digest_size=32).digest()
        known = self._known.get(fast)
        if known is None or known.until <= time.monotonic():
            known = await self._look_up(token, fast, known)
        if known.expire is not None and known.expire <= datetime.now(UTC):
            raise Unauthenticated("TOKEN_EXPIRED", "the token has expired")
        return known.caller

    async def _look_up(self, token: Token, fast: bytes, known: _Known | None) -> _Known:
        found = await self._database.fetch(TokenRow, SQL["one"], token=token.id)
        if not found:
            raise _unknown()
        (row,) = found
        if known is None or known.hash != row.hash:
            async with self._verifying:  # one after the other: whoever guesses does not get both cores
                again = self._known.get(fast)
                if again is None or again.hash != row.hash:
                    await self._verify(token, row)
        # Only who has the secret learns how it stands with the token.
        if row.revoke_time is not None:
            self._known.pop(fast, None)
            raise Unauthenticated("TOKEN_REVOKED", "the token was revoked")
        caller = Caller(Role[row.role.upper()], row.person, row.token_id, row.customer_id)
        known = _Known(row.hash, caller, row.expire_time, time.monotonic() + BELIEVED_S)
        self._known[fast] = known
        self._known.move_to_end(fast)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        if row.last_use_time is None or datetime.now(UTC) - row.last_use_time >= NOTED_EVERY:
            await self._database.execute(SQL["used"], token=row.token_id)
        return known

    async def _verify(self, token: Token, row: TokenRow) -> None:
        if wait := self._guesses.take("", time.monotonic()):
            raise ResourceExhausted("TOO_MANY_GUESSES", "too many unknown tokens at present", retry_s=wait)
        if not await asyncio.to_thread(hashes.verifies, token, row.hash):
            log.warning("token.refused", token=token.id)
            raise _unknown()


def _unknown() -> Unauthenticated:
    return Unauthenticated("UNKNOWN_TOKEN", "the token is not one of this server's")
