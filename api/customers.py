"""Reads the declared customers and plans."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from api.apply.store import customer_of, plan_of
from api.database import Database
from api.errors import NotFound
from quivive import sql
from quivive.configuration import CustomerConfig, PlanConfig

SQL = sql.load("api.sql", "customers.sql")


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A live customer; `sites` counts the live ones."""

    declared: CustomerConfig
    create_time: datetime
    sites: int


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One version of a plan."""

    declared: PlanConfig
    version: int
    create_time: datetime


async def read_customer(database: Database, customer: str) -> CustomerRow:
    """One live customer. NotFound when there is none of this id."""
    found = await read_customers(database, customer=customer)
    if not found:
        raise NotFound("CUSTOMER_NOT_FOUND", f"there is no customer {customer}", metadata={"customer": customer})
    return found[0]


async def read_customers(database: Database, *, customer: str | None = None, after: str = "") -> list[CustomerRow]:
    """Live customers by id, those behind `after` only."""
    rows = await _rows(database, "customers", customer=customer, after=after)
    return [CustomerRow(customer_of(row), row["create_time"], row["sites"]) for row in rows]


async def read_plans(database: Database, *, of_customer: str | None = None) -> list[PlanRow]:
    """The newest versions of the live plans, by id; only the one that a customer has, if one is named."""
    rows = await _rows(database, "plans", of_customer=of_customer)
    return [PlanRow(plan_of(row), row["version"], row["create_time"]) for row in rows]


async def read_versions(database: Database, plan: str) -> list[PlanRow]:
    """All versions of a plan, the newest first. NotFound when there never was one."""
    rows = await _rows(database, "versions", plan=plan)
    if not rows:
        raise NotFound("PLAN_NOT_FOUND", f"there is no plan {plan}", metadata={"plan": plan})
    return [PlanRow(plan_of(row), row["version"], row["create_time"]) for row in rows]


async def _rows(database: Database, section: str, **parameters: object) -> list[dict[str, Any]]:
    return await database.fetch_rows(dict_row, SQL[section], **parameters)
