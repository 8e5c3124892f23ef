"""What a configuration refers to must be there once it is applied; said with the path of the value that is wrong."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from api.apply.changes import Plan
from api.apply.paging import paging_problems
from api.errors import Violation
from quivive.configuration import CheckConfig, Configuration, SiteConfig, format_path
from quivive.configuration.durations import format_duration
from quivive.configuration.problems import ValuePath
from quivive.configuration.validate import suggestion


def violations(
    configuration: Configuration, plan: Plan, min_interval: timedelta, *, heartbeats: bool, prune: bool
) -> list[Violation]:
    """Every unknown reference and every value that this server does not take, in the configuration's order."""
    problems = list(_problems(configuration, plan, min_interval, "; --prune would remove it" if prune else ""))
    problems += _drained(configuration, plan)
    if not heartbeats:
        problems += _heartbeats(configuration)
    return [Violation(format_path(path), message) for path, message in problems]


def _problems(
    configuration: Configuration, plan: Plan, min_interval: timedelta, hint: str
) -> Iterator[tuple[ValuePath, str]]:
    for index, declared in enumerate(configuration.plans):
        if declared.interval < min_interval:
            yield ("plans", index, "interval"), _too_often(declared.interval, min_interval)
    for index, customer in enumerate(configuration.customers):
        if customer.plan not in plan.plans.after:
            yield ("customers", index, "plan"), _unknown("plan", customer.plan, plan.plans.after)
    yield from paging_problems(configuration, plan, hint)
    for index, site in enumerate(configuration.sites):
        if site.customer not in plan.customers.after:
            removed = hint if site.customer in plan.customers.deleted else ""
            yield ("sites", index, "customer"), _unknown("customer", site.customer, plan.customers.after) + removed
        if not plan.regions.after:
            yield ("sites", index), "no region is declared that could watch it"
        elif nowhere := _unwatched(site, plan):
            yield ("sites", index, *nowhere), "every region that could watch it is drained"
        yield from _site_problems(("sites", index), site, plan, min_interval, hint)


def _drained(configuration: Configuration, plan: Plan) -> Iterator[tuple[ValuePath, str]]:
    """Of sites that are not declared here, too: draining a region reaches them all."""
    declared = {site.id for site in configuration.sites}
    for index, region in enumerate(configuration.regions):
        before = plan.regions.updated.get(region.id)
        if region.drained and before is not None and not before[0].drained:
            for site in plan.sites.after.values():
                if site.id not in declared and _unwatched(site, plan) is not None:
                    yield ("regions", index, "drained"), f"site {site.id} would be watched from nowhere"


def _unwatched(site: SiteConfig, plan: Plan) -> ValuePath | None:
    """What of a site no region would look at."""
    sighted = {id_ for id_, region in plan.regions.after.items() if not region.drained}
    unknown = plan.regions.after.keys()
    for path, named in (((), site.regions), *((("checks", n), check.regions) for n, check in enumerate(site.checks))):
        # A region that is not there at all is told of elsewhere.
        if not sighted.intersection(named if named is not None else sighted) and not (set(named or ()) - unknown):
            return path
    return None


def _heartbeats(configuration: Configuration) -> Iterator[tuple[ValuePath, str]]:
    for index, site in enumerate(configuration.sites):
        for number, check in enumerate(site.checks):
            if check.heartbeat is not None:
                path = ("sites", index, "checks", number, "heartbeat")
                yield path, "this server takes no calls of jobs: it needs QUIVIVE_HEARTBEAT_KEY"


def _site_problems(
    at: ValuePath, site: SiteConfig, plan: Plan, min_interval: timedelta, hint: str
) -> Iterator[tuple[ValuePath, str]]:
    items: list[tuple[ValuePath, SiteConfig | CheckConfig]] = [(at, site)]
    items += [((*at, "checks", number), check) for number, check in enumerate(site.checks)]
    for path, item in items:
        for number, region in enumerate(item.regions or ()):
            if region not in plan.regions.after:
                removed = hint if region in plan.regions.deleted else ""
                yield (*path, "regions", number), _unknown("region", region, plan.regions.after) + removed
        if item.interval is not None and item.interval < min_interval:
            yield (*path, "interval"), _too_often(item.interval, min_interval)
        if isinstance(item, CheckConfig) and item.heartbeat is not None:
            continue
        interval = item.interval or site.interval or _plan_interval(site, plan)
        default = SiteConfig.model_fields["timeout"].default
        if interval and item.timeout is not None and item.timeout > interval and item.timeout != default:
            yield (
                (*path, "timeout"),
                f"{format_duration(item.timeout)} is longer than the interval, {format_duration(interval)}",
            )


def _plan_interval(site: SiteConfig, plan: Plan) -> timedelta | None:
    """None when the site's customer or its plan is unknown, which is said elsewhere."""
    customer = plan.customers.after.get(site.customer)
    sold = plan.plans.after.get(customer.plan) if customer else None
    return sold.interval if sold else None


def _unknown(kind: str, id_: str, known: Iterable[str]) -> str:
    return f"there is no {kind} {id_}{suggestion(id_, sorted(known))}"


def _too_often(interval: timedelta, minimum: timedelta) -> str:
    return (
        f"{format_duration(interval)} is shorter than {format_duration(minimum)}, the shortest that this server allows"
    )
