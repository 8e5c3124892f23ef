"""Rule 4: from the regions' fresh votes to what they say together."""

from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.decide.policy import Policy
from aggregator.decide.votes import Vote


@dataclass(frozen=True, slots=True)
class Tally:
    """The fresh votes of the sighted regions of W."""

    votes: Mapping[str, Vote]
    sighted: tuple[str, ...]
    policy: Policy

    @property
    def known(self) -> bool:
        """Enough regions have a say at all."""
        return len(self.votes) >= self.policy.quorum

    @property
    def down(self) -> tuple[str, ...]:
        """Regions that find it DOWN, whatever their vote is good for."""
        return tuple(region for region, vote in self.votes.items() if not vote.up)

    @property
    def up(self) -> tuple[str, ...]:
        return tuple(region for region, vote in self.votes.items() if vote.up)

    @property
    def partial(self) -> tuple[str, ...]:
        return tuple(region for region, vote in self.votes.items() if vote.partial)

    @property
    def quorum(self) -> tuple[str, ...]:
        """The regions whose DOWN adds up: a region in partial outage already only when every other sighted region is DOWN too."""
        standing = tuple(r for r, vote in self.votes.items() if not vote.up and not vote.void and not vote.lasting)
        lasting = tuple(r for r, vote in self.votes.items() if vote.lasting)
        if len(standing) + len(lasting) == len(self.sighted):
            return tuple(sorted(standing + lasting))
        return standing

    @property
    def confirmed(self) -> bool:
        return len(self.quorum) >= self.policy.quorum


def tally(votes: Mapping[str, Vote | None], policy: Policy, blind: frozenset[str], now_us: int) -> Tally:
    """Keep what counts: votes of sighted regions of W whose deciding attempt ended less than the freshness ago."""
    sighted = tuple(region for region in policy.regions if region not in blind)
    fresh = {}
    for region in sighted:
        vote = votes.get(region)
        if vote is not None and vote.end_us > now_us - policy.freshness_us:
            fresh[region] = vote
    return Tally(fresh, sighted, policy)


def unknown_since_us(votes: Mapping[str, Vote | None], policy: Policy, blind: frozenset[str], now_us: int) -> int:
    """When the votes became fewer than q: the q-th newest one's expiry; that of a blind region's fresh vote is now."""
    expiries = sorted(
        (
            min(vote.end_us + policy.freshness_us, now_us if region in blind else vote.end_us + policy.freshness_us)
            for region in policy.regions
            if (vote := votes.get(region))
        ),
        reverse=True,
    )
    return min(now_us, expiries[policy.quorum - 1]) if len(expiries) >= policy.quorum else now_us
