"""The explicit state machine of one check that is not simply UP everywhere: rules 3 to 6 and 10."""

from dataclasses import dataclass, field

from aggregator.decide.incident import (
    Flapping,
    Outage,
    cause_of,
    flapping_window_us,
    incident_id,
    reopen_window_us,
    resolution_of,
    start_of,
)
from aggregator.decide.policy import Policy
from aggregator.decide.suspicion import Suspicion
from aggregator.decide.tally import Tally, tally, unknown_since_us
from aggregator.decide.testimony import testify
from aggregator.decide.transitions import (
    IncidentConfirmed,
    IncidentMoved,
    IncidentReopened,
    IncidentResolved,
    StateChanged,
    SuspicionOpened,
    SuspicionRetracted,
    Transition,
)
from aggregator.decide.votes import Attempt, Ballot, Vote, vote_of
from quivive.domain.words import State, responsibility_for

REORDER_US = 5_000_000
"""Results may come this much out of order."""


@dataclass(slots=True)
class Case:
    """All that is remembered of one check while it needs watching closely."""

    policy: Policy
    state: State
    since_us: int
    ballots: dict[str, Ballot] = field(default_factory=dict)
    suspicion: Suspicion | None = None
    refuted_slots: dict[str, int] = field(default_factory=dict)
    """Per region, the slot whose failures the others refuted: its further attempts open nothing new."""
    down: bool = False
    """The outage is on; UNKNOWN does not end it."""
    outage: Outage | None = None
    flapping: Flapping = field(default_factory=Flapping)
    revised_us: int = 0
    """When another revision was adopted: its votes begin here, and so does what is unknown for want of them."""
    due_us: int = 0
    """When time alone may change something: nothing needs a review before."""

    def take(self, region: str, attempt: Attempt, blind: frozenset[str], now_us: int) -> list[Transition]:
        """One more attempt of a region of W; a vote that is known already changes nothing."""
        ballot = self.ballots.setdefault(region, Ballot())
        if not ballot.add(attempt):
            return []
        if attempt.up and self.state is State.UP and self.suspicion is None and not self._reordering(now_us):
            return []  # one more good vote where all is well; growing old is reviewed when it is due
        transitions: list[Transition] = []
        if self.suspicion is not None:
            self.suspicion.note(region, attempt)
        elif not attempt.up and region not in blind and self._suspicious(region, attempt, ballot):
            self.suspicion = Suspicion(region, attempt.slot_us, attempt.end_us)
            transitions.append(SuspicionOpened(self.policy.check, region, attempt.slot_us, now_us, attempt.cause))
            if wanted := self.suspicion.ask_others(self.policy, blind, now_us):
                transitions.append(wanted)
        return transitions + self.review(blind, now_us)

    def _reordering(self, now_us: int) -> bool:
        """An outage has ended so recently that an attempt still to come may tell of an earlier moment."""
        return self.outage is not None and now_us - self.outage.recover_us <= REORDER_US

    def _suspicious(self, region: str, attempt: Attempt, ballot: Ballot) -> bool:
        if self.down or attempt is not ballot.attempts[-1] or attempt.end_us <= ballot.void_us:
            return False
        vote = self._votes()[region]
        return not (vote is not None and vote.lasting) and self.refuted_slots.get(region) != attempt.slot_us

    def adopt(self, policy: Policy, now_us: int) -> list[Transition]:
        """Go on under another policy. Under another revision votes do not add up with those before it.

        Where all is well its good votes go on counting until they grow old, so that not every change makes a site UNKNOWN; in
        an outage nothing does, so that only the new revision's votes continue or end it.
        """
        revised = policy.revision != self.policy.revision
        transitions: list[Transition] = []
        if revised and self.suspicion is not None:
            transitions.append(self._retract("the check was changed", now_us))
        self.policy = policy
        self.ballots = {region: ballot for region, ballot in self.ballots.items() if region in policy.regions}
        self.due_us = 0
        if revised:
            self.revised_us = now_us
            for ballot in self.ballots.values():
                ballot.attempts = [attempt for attempt in ballot.attempts if attempt.up and not self.down]
                ballot.void(now_us)
        return transitions

    def blinded(self, region: str, now_us: int) -> None:
        """A region's becoming blind voids the DOWN votes it cast before."""
        if region in self.ballots:
            self.ballots[region].void(now_us)

    def end(self, reason: str, now_us: int) -> list[Transition]:
        """The check was paused or deleted: close what is open, with that reason."""
        transitions: list[Transition] = []
        if self.outage is not None and not self.outage.resolved:
            resolve_us = max(self.outage.resolve_us or now_us, self.outage.start_us + 1)
            transitions.append(IncidentResolved(self.outage.incident, self.policy.check, resolve_us, now_us, reason))
        if self.state is not State.PAUSED:
            transitions.append(StateChanged(self.policy.check, max(now_us, self.since_us + 1), State.PAUSED, reason))
        return transitions

    def review(self, blind: frozenset[str], now_us: int) -> list[Transition]:
        """Decide on what is known at `now_us`.

        1. Take each region's vote and tally the fresh ones of the sighted regions.
        2. Retract a suspicion that others refuted, that recovered or that expired; ask for a lacking third attempt.
        3. q DOWN: an outage is on. Fewer, and |W| − q + 1 regions UP since: it is over.
        4. The state follows: UNKNOWN under q votes, DOWN in an outage, PARTIAL_OUTAGE, UP.
        5. A flapping incident that has been calm for a whole window is resolved.
        """
        votes = heard = self._votes()
        counted = tally(votes, self.policy, blind, now_us)
        transitions: list[Transition] = []
        if self.suspicion is not None:
            self.suspicion.downs.update(counted.down)
            if not counted.confirmed:
                if reason := self.suspicion.retraction(counted, self.ballots, now_us):
                    transitions.append(self._retract(reason, now_us))
                    counted = tally(self._votes(), self.policy, blind, now_us)
                else:
                    transitions += self.suspicion.ask_again(self.policy, self.ballots, now_us)
        if not self.down and counted.confirmed:
            transitions += self._begin(counted, now_us)
        elif self.down and len(counted.down) < self.policy.quorum and (recovery := self._recover(counted, now_us)):
            transitions += recovery
            votes = self._votes()
            counted = tally(votes, self.policy, blind, now_us)
        elif not self.down and self._reordering(now_us):
            transitions += self._reconsider(counted)
        transitions += self._settle(counted, votes, blind, now_us)
        transitions += self._calm(now_us)
        self.due_us = self._due_us(counted, now_us)
        return testify(transitions, heard, self.policy, blind, now_us) if transitions else transitions

    def _due_us(self, counted: Tally, now_us: int) -> int:
        """The next instant at which a vote grows old or a memory may be dropped; at once when nothing is left to remember."""
        if self.at_rest(now_us):
            return now_us
        freshness_us = self.policy.freshness_us
        instants = [vote.end_us + freshness_us for vote in counted.votes.values()]
        instants += [
            attempt.end_us + freshness_us + 1 for b in self.ballots.values() for attempt in b.attempts if not attempt.up
        ]
        if self.flapping.changes:
            instants.append(self.flapping.changes[-1] + flapping_window_us(self.policy))
        if self.outage is not None and self.outage.resolve_us is not None:
            instants.append(self.outage.resolve_us + reopen_window_us(self.policy) + 1)
        return min((at_us for at_us in instants if at_us > now_us), default=now_us)

    def _votes(self) -> dict[str, Vote | None]:
        suspicion = self.suspicion
        resolved_us = self.outage.resolve_us if self.outage is not None else None
        return {
            region: vote_of(
                ballot,
                self.policy,
                suspicion.contradicted_us(region) if suspicion else None,
                resolved_us,
                suspicion.opened_us if suspicion else None,
            )
            for region, ballot in self.ballots.items()
        }

    def _retract(self, reason: str, now_us: int) -> SuspicionRetracted:
        suspicion = self.suspicion
        assert suspicion is not None
        self.suspicion = None
        for region, ballot in self.ballots.items():
            if ballot.attempts and not ballot.attempts[-1].up:
                self.refuted_slots[region] = ballot.attempts[-1].slot_us
                ballot.void(ballot.attempts[-1].end_us)
        return SuspicionRetracted(
            check=self.policy.check,
            slot_us=suspicion.slot_us,
            opened_us=suspicion.opened_us,
            at_us=now_us,
            reason=reason,
            down_regions=tuple(sorted(suspicion.downs)),
        )

    def _begin(self, counted: Tally, now_us: int) -> list[Transition]:
        quorum = {region: counted.votes[region] for region in counted.quorum}
        start_us = max(start_of(quorum, self.ballots), self.policy.create_time_us)
        regions = tuple(sorted(quorum))
        reason = f"{len(quorum)} of {len(self.policy.regions)} regions found it down, {self.policy.quorum} are needed"
        self.down = True
        self.suspicion = None
        last = self.outage
        held = last is not None and not last.resolved
        if last is not None and last.resolve_us is not None:
            start_us = max(start_us, last.resolve_us + 1)
        self.flapping.note(start_us, self.policy)
        cause = cause_of(attempt for vote in quorum.values() for attempt in vote.failing)
        transition: Transition
        if (
            last is not None
            and last.resolve_us is not None
            and (held or start_us - last.resolve_us <= reopen_window_us(self.policy))
        ):
            transition = IncidentReopened(last.incident, self.policy.check, start_us, reason, regions)
            last.resolve_us, last.resolved, last.down_since_us = None, False, start_us
        else:
            name = incident_id(self.policy.check, start_us, now_us)
            self.outage = Outage(name, start_us, now_us, start_us)
            transition = IncidentConfirmed(
                incident=name,
                check=self.policy.check,
                start_us=start_us,
                confirm_us=now_us,
                cause=cause,
                responsibility=responsibility_for(cause),
                regions=regions,
                reason=reason,
            )
        assert self.outage is not None
        return [transition, self._change(start_us, State.DOWN, reason, reach_back=True)]

    def _recover(self, counted: Tally, now_us: int) -> list[Transition]:
        outage = self.outage
        assert outage is not None
        resolve_us = self._resolve_us(counted, outage)
        if not counted.known or resolve_us is None:
            return []
        reason = f"{', '.join(sorted(counted.up))} found it up again"
        self.down = False
        outage.resolve_us, outage.recover_us = resolve_us, now_us
        for ballot in self.ballots.values():
            if ballot.attempts and not ballot.attempts[-1].up:  # a remnant of this outage, or it fails anew
                ballot.void(ballot.attempts[-1].end_us)
        self.flapping.note(resolve_us, self.policy)
        transitions: list[Transition] = []
        if not self.flapping.active:
            outage.resolved = True
            transitions.append(IncidentResolved(outage.incident, self.policy.check, resolve_us, now_us, "recovered"))
        return [*transitions, self._change(resolve_us, State.UP, reason)]

    def _resolve_us(self, counted: Tally, outage: Outage) -> int | None:
        resolve_us = resolution_of(counted.up, self.ballots, self.policy, outage.down_since_us)
        return None if resolve_us is None else max(resolve_us, self.since_us if self.down else 0)

    def _reconsider(self, counted: Tally) -> list[Transition]:
        """Rule 8: what came out of order may tell of an earlier or later end than the one that was decided on."""
        outage = self.outage
        if outage is None or outage.resolve_us is None or self.state is not State.UP:
            return []
        resolve_us = self._resolve_us(counted, outage)
        if resolve_us is None or resolve_us == outage.resolve_us:
            return []
        reason = "an attempt that came out of order"
        check, was_us = self.policy.check, outage.resolve_us
        outage.resolve_us = self.since_us = resolve_us
        self.flapping.changes[-1:] = [resolve_us]
        moved_us = resolve_us if outage.resolved else None
        return [
            IncidentMoved(outage.incident, check, outage.start_us, moved_us, reason),
            StateChanged(check, min(was_us, resolve_us), State.DOWN, reason, outage.incident),
            StateChanged(check, resolve_us, State.UP, reason),
        ]

    def _settle(
        self, counted: Tally, votes: dict[str, Vote | None], blind: frozenset[str], now_us: int
    ) -> list[Transition]:
        """Bring the state to what the tally says, where beginning or ending an outage has not done so."""
        last_vote_us = max((vote.end_us for vote in counted.votes.values()), default=now_us)
        if not counted.known:
            if self.state is State.UNKNOWN:
                return []
            at_us = max(unknown_since_us(votes, self.policy, blind, now_us), self.revised_us)
            reason = f"{len(counted.votes)} of {len(self.policy.regions)} regions have a vote, {self.policy.quorum} are needed"
            return [self._change(at_us, State.UNKNOWN, reason)]
        if self.down:
            if self.state is State.DOWN:
                return []
            return [self._change(last_vote_us, State.DOWN, "votes came back and it had not recovered")]
        if counted.partial:
            if self.state is State.PARTIAL_OUTAGE:
                return []
            failing = [attempt.slot_us for region in counted.partial for attempt in self.ballots[region].streak()]
            at_us = min(failing) if self.state is State.UP else last_vote_us
            return [self._change(at_us, State.PARTIAL_OUTAGE, f"{', '.join(counted.partial)} found it down twice")]
        if self.state is State.UP:
            return []
        at_us = last_vote_us
        if self.state is State.PARTIAL_OUTAGE:
            firsts = [first.start_us for ballot in self.ballots.values() if (first := ballot.recovered(0)) is not None]
            at_us = max(firsts, default=now_us)
        return [self._change(at_us, State.UP, f"{', '.join(counted.up)} found it up")]

    def _calm(self, now_us: int) -> list[Transition]:
        outage = self.outage
        if outage is None or outage.resolved or outage.resolve_us is None or self.down:
            return []
        if not self.flapping.calm(now_us, self.policy):
            return []
        outage.resolved = True
        return [
            IncidentResolved(outage.incident, self.policy.check, outage.resolve_us, now_us, "recovered, calm again")
        ]

    def _change(self, at_us: int, state: State, reason: str, *, reach_back: bool = False) -> StateChanged:
        """Enter a state; only the beginning of an outage reaches back over what was said since its first failing slot."""
        at_us = max(at_us, self.policy.create_time_us if reach_back else self.since_us)
        self.state, self.since_us = state, at_us
        incident = self.outage.incident if state is State.DOWN and self.outage is not None else None
        return StateChanged(self.policy.check, at_us, state, reason, incident)

    def at_rest(self, now_us: int) -> bool:
        """Nothing is left to remember but the newest good votes."""
        horizon_us = now_us - self.policy.freshness_us
        return (
            self.state is State.UP
            and self.suspicion is None
            and (
                self.outage is None
                or (
                    self.outage.resolved
                    and self.outage.resolve_us is not None
                    and self.outage.resolve_us < now_us - reopen_window_us(self.policy)
                )
            )
            and self.flapping.calm(now_us, self.policy)
            and all(attempt.up or attempt.end_us < horizon_us for b in self.ballots.values() for attempt in b.attempts)
            and all(not ballot.attempts or ballot.attempts[-1].up for ballot in self.ballots.values())
        )
