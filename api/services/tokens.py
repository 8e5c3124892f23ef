"""TokenService: who may call."""

from datetime import UTC, datetime
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from api import names, page_tokens
from api.auth import audit, hashes
from api.auth.callers import Role, caller
from api.auth.gate import SQL, TokenRow
from api.corrections import sentence
from api.database import Database
from api.errors import NotFound, invalid_field
from api.instants import instant_of
from api.page_tokens import Key
from api.services.messages import timestamp
from quivive import __version__
from quivive.tokens import new_token
from quivive.v1 import token_pb2, token_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

LONGEST = 200


class TokenService(token_pb2_grpc.TokenServiceServicer):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetCaller(self, request: token_pb2.GetCallerRequest, context: Context) -> token_pb2.Caller:
        found = caller()
        return token_pb2.Caller(
            token=f"tokens/{found.token}" if found.token else "",
            role=token_pb2.Role.ValueType(found.role.value),
            customer=f"customers/{found.customer}" if found.customer else "",
            person=found.person,
            server_version=__version__,
        )

    async def CreateToken(
        self, request: token_pb2.CreateTokenRequest, context: Context
    ) -> token_pb2.CreateTokenResponse:
        wanted = request.token
        try:
            role = Role(wanted.role)
        except ValueError:
            raise invalid_field("token.role", "REQUIRED", "must be operator, reader or customer") from None
        if (role is Role.CUSTOMER) != bool(wanted.customer):
            raise invalid_field("token.customer", "BAD_CUSTOMER", "goes with the role customer, and only with it")
        customer = names.customer_id(wanted.customer, "token.customer") if wanted.customer else None
        expire = instant_of(wanted.expire_time, "token.expire_time") if wanted.HasField("expire_time") else None
        if expire is not None and expire <= datetime.now(UTC):
            raise invalid_field("token.expire_time", "BAD_TIME", "is over")
        token = new_token()
        row = {
            "token": token.id,
            "hash": hashes.hash_of(token),
            "role": role.name.lower(),
            "customer": customer,
            "person": sentence(wanted.person, "token.person", LONGEST),
            "title": sentence(wanted.title, "token.title", LONGEST) if wanted.title else "",
            "expire": expire,
        }
        audit.about(f"tokens/{token.id}")
        async with self._database.transaction() as connection:
            if customer is not None:
                known = await (await connection.execute(SQL["customer_live"], {"customer": customer})).fetchone()
                if known is None:
                    raise NotFound(
                        "CUSTOMER_NOT_FOUND", f"there is no customer {customer}", metadata={"customer": customer}
                    )
            await connection.execute(SQL["create"], row)
        return token_pb2.CreateTokenResponse(token=_message(await self._row(token.id)), secret=str(token))

    async def ListTokens(self, request: token_pb2.ListTokensRequest, context: Context) -> token_pb2.ListTokensResponse:
        size = page_tokens.page_size(request.page_size)
        listing: Key = ("tokens", int(request.show_ended))
        key = page_tokens.decode(request.page_token, listing, (str,))
        found = await self._database.fetch(
            TokenRow, SQL["page"], after=str(key[0]) if key else "", ended=request.show_ended, limit=size + 1
        )
        more, rows = len(found) > size, found[:size]
        return token_pb2.ListTokensResponse(
            tokens=[_message(row) for row in rows],
            next_page_token=page_tokens.encode((rows[-1].token_id,), listing) if more else "",
        )

    async def RevokeToken(self, request: token_pb2.RevokeTokenRequest, context: Context) -> Empty:
        token = names.token_id(request.name)
        async with self._database.transaction() as connection:
            if not (await connection.execute(SQL["revoke"], {"token": token})).rowcount:
                raise _missing(token)
        return Empty()

    async def _row(self, token: str) -> TokenRow:
        found = await self._database.fetch(TokenRow, SQL["one"], token=token)
        if not found:
            raise _missing(token)
        return found[0]


def _missing(token: str) -> NotFound:
    return NotFound("TOKEN_NOT_FOUND", f"there is no token {token}", metadata={"token": token})


def _message(row: TokenRow) -> token_pb2.Token:
    return token_pb2.Token(
        name=f"tokens/{row.token_id}",
        role=token_pb2.Role.ValueType(Role[row.role.upper()].value),
        customer=f"customers/{row.customer_id}" if row.customer_id else "",
        person=row.person,
        title=row.title,
        create_time=timestamp(row.create_time),
        expire_time=timestamp(row.expire_time),
        last_use_time=timestamp(row.last_use_time),
        revoke_time=timestamp(row.revoke_time),
    )
