"""Applies a configuration in one transaction, or says everything that is wrong with it and changes nothing."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from api.apply import store
from api.apply.changes import Change, CheckChanges, Plan, describe, plan_checks, plan_kinds
from api.apply.declared import Action, Present, wanted_of
from api.apply.export import exported
from api.apply.references import violations
from api.auth import audit
from api.database import Database
from api.errors import InvalidArgument, Violation
from api.heartbeats.addresses import Addresses
from quivive.configuration import Configuration, ConfigurationError, format_path, parse_json

log = structlog.get_logger(__name__)


class Applier:
    """`on_applied` is called after each commit that changed something. Without `addresses` no job can call this server."""

    def __init__(
        self,
        database: Database,
        min_interval: timedelta,
        on_applied: Callable[[], None],
        addresses: Addresses | None = None,
    ) -> None:
        self._database = database
        self._addresses = addresses
        self._min_interval = min_interval
        self._on_applied = on_applied

    async def apply(self, text: str, *, prune: bool, validate_only: bool) -> list[Change]:
        """The changes from what there is to what the JSON declares. InvalidArgument names every bad place."""
        configuration = await asyncio.to_thread(_parse, text)
        async with self._database.transaction() as connection:
            await store.lock(connection)
            present = await store.read_present(connection)
            # Tens of thousands of sites take a second of arithmetic; other requests go on meanwhile.
            plan, checks, changes = await asyncio.to_thread(
                _plan, present, configuration, self._min_interval, self._addresses, prune=prune
            )
            if not validate_only:
                _note(changes)
                await store.write(connection, plan, checks, new_check_id)
        if not validate_only and any(change.action is not Action.KEEP for change in changes):
            _log_changes(changes)
            self._on_applied()
        return changes

    async def declared(self, kinds: Sequence[str], ids: Sequence[str]) -> str:
        """What is declared as the JSON of a configuration; InvalidArgument or NotFound for kinds and ids that there are not."""
        async with self._database.transaction() as connection:
            present = await store.read_present(connection)
        return await asyncio.to_thread(exported, present.declared, kinds, ids)


def _parse(text: str) -> Configuration:
    try:
        return parse_json(text)
    except ConfigurationError as error:
        raise _refusal([Violation(format_path(problem.path), problem.message) for problem in error.problems]) from None


def _plan(
    present: Present,
    configuration: Configuration,
    min_interval: timedelta,
    addresses: Addresses | None,
    *,
    prune: bool,
) -> tuple[Plan, CheckChanges, list[Change]]:
    plan = plan_kinds(present.declared, wanted_of(configuration), prune=prune)
    wrong = violations(configuration, plan, min_interval, heartbeats=addresses is not None, prune=prune)
    if wrong:
        raise _refusal(wrong)
    checks = plan_checks(present, plan, heartbeats=addresses is not None)
    return plan, checks, describe(plan, checks, addresses.url if addresses is not None else None)


def _refusal(wrong: list[Violation]) -> InvalidArgument:
    first = f"{wrong[0].field}: {wrong[0].description}".removeprefix(": ")
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return InvalidArgument("BAD_CONFIGURATION", first + more, violations=wrong)


def new_check_id() -> int:
    """63 random bits, never 0: new even to a bus that outlived the database."""
    return secrets.randbelow(2**63 - 1) + 1


def _note(changes: list[Change]) -> None:
    """For the audit log: names, not contents."""
    made = [change for change in changes if change.action is not Action.KEEP]
    if not made:
        audit.dry()
    audit.summed_up(
        {"changes": [f"{change.action.name.lower()} {change.name}" for change in made[:100]], "of": len(made)}
    )


def _log_changes(changes: list[Change]) -> None:
    counts = {action.name.lower(): sum(change.action is action for change in changes) for action in Action}
    log.info("configuration.applied", **counts)
    for change in changes:
        for line in change.fields:
            if line.startswith("warning: "):
                log.warning("site.warned", site=change.name, warning=line.removeprefix("warning: "))
