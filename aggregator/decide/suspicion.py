"""Rule 3: a first failing attempt asks every other region to look now; then it is confirmed or retracted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aggregator.decide.policy import Policy
from aggregator.decide.tally import Tally
from aggregator.decide.transitions import ConfirmationWanted
from aggregator.decide.votes import CONTRADICTED_ATTEMPTS, Attempt, Ballot

CONFIRMATION_DEADLINE_US = 5_000_000
"""A confirmation that has not begun by then would tell of another moment."""


@dataclass(slots=True)
class Suspicion:
    """Opened by an attempt that ended at `opened_us` on the agent's (corrected) clock."""

    region: str
    slot_us: int
    opened_us: int
    ups: dict[str, int] = field(default_factory=dict)
    """When each region first voted UP since."""
    downs: set[str] = field(default_factory=set)
    """Regions that voted DOWN at some time since."""
    asked_again: set[str] = field(default_factory=set)
    """Regions that were asked for the third attempt."""

    def note(self, region: str, attempt: Attempt) -> None:
        """Remember an UP vote that was cast since the suspicion opened."""
        if attempt.up and attempt.end_us > self.opened_us:
            self.ups[region] = min(attempt.end_us, self.ups.get(region, attempt.end_us))

    def contradicted_us(self, region: str) -> int | None:
        """The first UP vote of another region since it opened."""
        return min((end_us for other, end_us in self.ups.items() if other != region), default=None)

    def ask_others(self, policy: Policy, blind: frozenset[str], now_us: int) -> ConfirmationWanted | None:
        """Every other sighted region is to look at once."""
        others = tuple(r for r in policy.regions if r != self.region and r not in blind)
        return self._ask(policy, others, 0, policy.down_attempts, now_us) if others else None

    def ask_again(self, policy: Policy, ballots: Mapping[str, Ballot], now_us: int) -> list[ConfirmationWanted]:
        """Regions that lack just the third attempt that a contradicted DOWN vote takes."""
        wanted = []
        for region, ballot in ballots.items():
            streak = ballot.streak()
            if (
                len(streak) < policy.down_attempts
                or len(streak) >= CONTRADICTED_ATTEMPTS
                or region in self.asked_again
                or self.contradicted_us(region) is None
            ):
                continue
            self.asked_again.add(region)
            wanted.append(self._ask(policy, (region,), policy.down_attempts, 1, now_us))
        return wanted

    def _ask(
        self, policy: Policy, regions: tuple[str, ...], offset: int, attempts: int, now_us: int
    ) -> ConfirmationWanted:
        return ConfirmationWanted(
            check=policy.check,
            revision=policy.revision,
            regions=regions,
            slot_us=self.slot_us,
            first_attempt=10 + offset,
            attempts=attempts,
            deadline_us=now_us + CONFIRMATION_DEADLINE_US,
        )

    def retraction(self, votes: Tally, ballots: Mapping[str, Ballot], now_us: int) -> str | None:
        """Why it is no suspicion any more, or None while it is one."""
        policy = votes.policy
        failing = [ballot.attempts[-1] for ballot in ballots.values() if ballot.attempts and not ballot.attempts[-1].up]
        if not failing:
            return "the failing region recovered"
        if max(attempt.end_us for attempt in failing) <= now_us - policy.freshness_us:
            return "expired undecided"
        refuting = [region for region in votes.up if region in self.ups and ballots[region].attempts[-1].up]
        if len(refuting) >= policy.recovery:
            return f"{', '.join(refuting)} found it up"
        return None
