"""What a plan says of an outage: how long it must last before somebody is paged, how grave it is, when its target is in danger."""

from collections.abc import Iterable
from dataclasses import dataclass

from aggregator.escalate.policies import Severity
from aggregator.escalate.steps import SHARE_OF_TARGET
from quivive.domain.words import Cause, Responsibility
from quivive.working_time import WorkingTime

BRIEFLY_UNAVAILABLE_US = 600_000_000
"""WordPress's own page while it updates itself; design section 5, rule 11."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One of a plan's; empty sets fit everything."""

    causes: frozenset[str] = frozenset()
    responsibilities: frozenset[str] = frozenset()
    page_after_us: int | None = None
    severity: Severity | None = None

    def fits(self, cause: Cause, responsibility: Responsibility) -> bool:
        is_cause = not self.causes or cause.name in self.causes
        return is_cause and (not self.responsibilities or responsibility.name.lower() in self.responsibilities)


@dataclass(frozen=True, slots=True)
class Terms:
    page_after_us: int
    severity: Severity


def terms(rules: Iterable[Rule], page_after_us: int, cause: Cause, responsibility: Responsibility) -> Terms:
    """Of the rules the first that fits and says so decides each of the two."""
    fitting = [rule for rule in rules if rule.fits(cause, responsibility)]
    severity = next((rule.severity for rule in fitting if rule.severity is not None), "critical")
    said_us = next((rule.page_after_us for rule in fitting if rule.page_after_us is not None), None)
    if said_us is not None:
        return Terms(said_us, severity)
    if cause is Cause.CONTENT_MAINTENANCE_MODE:
        page_after_us = max(page_after_us, BRIEFLY_UNAVAILABLE_US)
    return Terms(page_after_us, severity)


def remind_us(page_us: int, target_us: int, working: WorkingTime) -> int | None:
    """When three quarters of the response target are gone; None when that never comes."""
    return working.due_us(page_us, round(target_us * SHARE_OF_TARGET))
