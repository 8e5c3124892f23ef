"""EvidenceService: the chains of sealed entries, and the erasure of customers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import grpc
import psycopg
import structlog

from api import names, page_tokens
from api.auth import audit
from api.corrections import LONGEST_AUTHOR, LONGEST_REASON, SQL, sentence
from api.database import Database
from api.errors import FailedPrecondition, NotFound
from api.services.messages import timestamp
from quivive.v1 import evidence_pb2, evidence_pb2_grpc

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EntryRow:
    chain_id: UUID
    sequence: int
    seal_time: datetime
    salt: bytes | None
    content: str | None
    content_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class _Known:
    known: int


class EvidenceService(evidence_pb2_grpc.EvidenceServiceServicer):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListEvidenceEntries(
        self,
        request: evidence_pb2.ListEvidenceEntriesRequest,
        context: grpc.aio.ServicerContext[
            evidence_pb2.ListEvidenceEntriesRequest, evidence_pb2.ListEvidenceEntriesResponse
        ],
    ) -> evidence_pb2.ListEvidenceEntriesResponse:
        customer = names.customer_id(request.customer, "customer") if request.customer else None
        size = page_tokens.page_size(request.page_size)
        listing = ("evidence", request.customer)
        key = page_tokens.decode(request.page_token, listing, (str, int))
        if customer is not None and not await self._database.fetch(_Known, SQL["customer_known"], customer=customer):
            raise _unknown(customer)
        found = await self._database.fetch(
            EntryRow,
            SQL["page"],
            customer=customer,
            chain=key[0] if key else None,
            sequence=key[1] if key else None,
            limit=size + 1,
        )
        more, rows = len(found) > size, found[:size]
        last = (str(rows[-1].chain_id), rows[-1].sequence) if more else ()
        return evidence_pb2.ListEvidenceEntriesResponse(
            entries=[_message(row) for row in rows],
            next_page_token=page_tokens.encode(last, listing) if more else "",
        )

    async def EraseCustomer(
        self,
        request: evidence_pb2.EraseCustomerRequest,
        context: grpc.aio.ServicerContext[evidence_pb2.EraseCustomerRequest, evidence_pb2.EraseCustomerResponse],
    ) -> evidence_pb2.EraseCustomerResponse:
        customer = names.customer_id(request.name, "name")
        row = {
            "customer": customer,
            "author": sentence(request.author, "author", LONGEST_AUTHOR),
            "reason": sentence(request.reason, "reason", LONGEST_REASON),
        }
        async with self._database.transaction() as connection:
            await connection.execute(SQL["longer"])
            # Who did it stays in the audit log; whose it was does not.
            audit.about("")
            audit.summed_up({"author": row["author"], "reason": row["reason"]})
            await connection.execute(SQL["forget_audits"], row)
            await connection.execute(SQL["forget_creations"], row)
            try:
                erased = await (await connection.execute(SQL["erase"], row)).fetchone()
            except psycopg.errors.NoDataFound:
                raise _unknown(customer) from None
            except psycopg.errors.ObjectNotInPrerequisiteState:
                raise FailedPrecondition(
                    "CUSTOMER_DECLARED",
                    f"customer {customer} is still declared: remove it and its sites from the configuration, "
                    "then apply with --prune",
                    metadata={"customer": customer},
                ) from None
        assert erased is not None
        (chain,) = erased
        # The name is what had to go: the log has the chain.
        log.info("customer.erased", chain=str(chain), author=row["author"])
        return evidence_pb2.EraseCustomerResponse(chain="" if chain is None else str(chain))


def _unknown(customer: str) -> NotFound:
    return NotFound("CUSTOMER_NOT_FOUND", f"there is no customer {customer}", metadata={"customer": customer})


def _message(row: EntryRow) -> evidence_pb2.EvidenceEntry:
    return evidence_pb2.EvidenceEntry(
        chain=row.chain_id.bytes,
        sequence=row.sequence,
        seal_time=timestamp(row.seal_time),
        salt=row.salt,
        content=row.content,
        content_hash=row.content_hash,
        hash=row.hash,
    )
