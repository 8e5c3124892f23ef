"""The declared kinds in the database: read as one value, written change by change. Everything inside one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from pydantic import TypeAdapter

from api.apply.changes import CheckChanges, Plan
from api.apply.declared import Declared, Present, PresentCheck
from api.apply.rows import rows_of
from quivive import sql
from quivive.configuration import (
    ChannelConfig,
    ContactConfig,
    CustomerConfig,
    EscalationPolicyConfig,
    PagingRuleConfig,
    PersonConfig,
    PlanConfig,
    RegionConfig,
    ScheduleConfig,
    SilenceConfig,
    SiteConfig,
    StatusPageConfig,
)
from quivive.v1 import bus_pb2

SQL = sql.load("api.sql", "apply.sql")

_CHANNEL: TypeAdapter[ChannelConfig] = TypeAdapter(ChannelConfig)
_MICROSECOND = timedelta(microseconds=1)

Rows = Iterable[Mapping[str, Any]]
Connection = AsyncConnection[Any]


async def lock(connection: Connection) -> None:
    """Wait for our turn: applies run one after the other."""
    await connection.execute(SQL["lock"])


@dataclass(frozen=True, slots=True)
class Only:
    """Of sites with their checks, and of customers, only these; None: all."""

    sites: Sequence[str] | None = None
    customers: Sequence[str] | None = None


async def read_present(connection: Connection, only: Only = Only()) -> Present:
    """What is declared and watched now."""
    sites_only = {"sites": None if only.sites is None else list(only.sites)}
    customers_only = {"customers": None if only.customers is None else list(only.customers)}
    plans = [plan_of(row) for row in await _rows(connection, "plans")]
    customers = [customer_of(row) for row in await _rows(connection, "customers", customers_only)]
    regions = [
        RegionConfig(id=row["name"], title=row["title"], simulated=row["simulated"], drained=row["drained"])
        for row in await _rows(connection, "regions")
    ]
    sites = [SiteConfig.model_validate(row["declared"]) for row in await _rows(connection, "sites", sites_only)]
    channels = [_CHANNEL.validate_python(row["declared"]) for row in await _rows(connection, "channels")]
    people = [PersonConfig.model_validate(row["declared"]) for row in await _rows(connection, "people")]
    schedules = [ScheduleConfig.model_validate(row["declared"]) for row in await _rows(connection, "schedules")]
    policies = [EscalationPolicyConfig.model_validate(row["declared"]) for row in await _rows(connection, "policies")]
    silences = [SilenceConfig.model_validate(row["declared"]) for row in await _rows(connection, "silences")]
    checks = {
        (row["site_id"], row["name"]): PresentCheck(
            row["check_id"],
            row["revision"],
            row["type"],
            row["critical"],
            row["paused"],
            bus_pb2.CheckSpec.FromString(row["spec"]),
        )
        for row in await _rows(connection, "checks", sites_only)
    }
    return Present(
        Declared(
            regions={region.id: region for region in regions},
            plans={plan.id: plan for plan in plans},
            customers={customer.id: customer for customer in customers},
            sites={site.id: site for site in sites},
            channels={channel.id: channel for channel in channels},
            people={person.id: person for person in people},
            schedules={schedule.id: schedule for schedule in schedules},
            escalation_policies={policy.id: policy for policy in policies},
            silences={silence.id: silence for silence in silences},
        ),
        checks,
    )


async def write(connection: Connection, plan: Plan, checks: CheckChanges, new_id: Callable[[], int]) -> None:
    """Carry the plan out and let readers notice."""
    puts = rows_of(plan, checks, new_id)
    if not any(puts.values()):
        return
    async with connection.cursor() as cursor:
        for section, rows in puts.items():
            if rows:
                await cursor.executemany(SQL[section], rows)
        await cursor.execute(SQL["bump"])


def customer_of(row: Mapping[str, Any]) -> CustomerConfig:
    """A customer as it is declared, from its row."""
    return CustomerConfig(
        id=row["customer_id"],
        name=row["title"],
        plan=row["plan_id"],
        locale=row["locale"],
        timezone=row["timezone"],
        holidays=row["holidays"] or None,
        escalation_policy=row["escalation_policy"],
        contacts=tuple(ContactConfig.model_validate(contact) for contact in row["contacts"]),
        status_page=None if row["status_page"] is None else StatusPageConfig.model_validate(row["status_page"]),
    )


def plan_of(row: Mapping[str, Any]) -> PlanConfig:
    """A plan's version as it is declared, from its row."""
    return PlanConfig(
        id=row["plan_id"],
        title=row["title"],
        interval=row["interval_us"] * _MICROSECOND,
        page_after=row["page_after_us"] * _MICROSECOND,
        objective=row["objective"],
        response_target=row["response_target_us"] * _MICROSECOND,
        response_hours=row["response_hours"],
        business_hours=row["business_hours"],
        channels=tuple(row["channels"]),
        status_page=row["status_page"],
        performance=row["performance"],
        reports=tuple(row["reports"]),
        escalation_policy=row["escalation_policy"],
        paging=tuple(PagingRuleConfig.model_validate(rule) for rule in row["paging"]),
        keep_results=timedelta(days=row["results_days"]),
        keep_aggregates=timedelta(days=row["aggregates_days"]),
    )


async def _rows(connection: Connection, section: str, parameters: Mapping[str, Any] | None = None) -> Rows:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(SQL[section], parameters)
        return await cursor.fetchall()
