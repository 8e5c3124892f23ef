import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe_agent.batches import HOLD_US, MAX_EVIDENCE, MAX_RESULTS, SPAN_US, Batcher, Lot, Origin
from probe_agent.certificates import Certificate
from probe_agent.connect import Sighting
from probe_agent.http.evidence import MOST_ADDRESSES
from probe_agent.phases import Phases
from probe_agent.results import Evidence, Result
from quivive.domain.checks import shard_of
from quivive.domain.times import SECOND_US
from quivive.domain.words import Cause, Outcome
from quivive.v1.bus_pb2 import ResultBatch

NOW_US = 1_767_225_600 * SECOND_US
SHARDS = 4

units = st.integers(0, 2**32 - 1)
results = st.builds(
    Result,
    check=st.integers(1, 2**63 - 1),
    revision=st.integers(1, 2**31),
    slot_us=st.integers(NOW_US - 2 * SPAN_US, NOW_US + 2 * SPAN_US),
    attempt=st.integers(-1, 19),
    outcome=st.sampled_from(Outcome),
    end_us=st.just(0),
    cause=st.sampled_from(Cause),
    phases=st.builds(Phases, units, units, units, units, units),
    http_status=st.integers(0, 999),
    evidence=st.none()
    | st.builds(
        Evidence,
        detail=st.text(max_size=20),
        address=st.just("192.0.2.7:443"),
        url=st.text(max_size=20),
        headers=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3).map(tuple),
        body_excerpt=st.text(st.characters(), max_size=20),
        certificate_expire_us=st.none() | st.integers(0, NOW_US),
    ),
).flatmap(
    lambda result: st.integers(-SPAN_US, SPAN_US).map(
        lambda later: Result(
            **{name: getattr(result, name) for name in Result.__slots__ if name != "end_us"},
            end_us=result.slot_us + later,
        )
    )
)


def batcher_of(shards: int = 1, first: int = 1) -> Batcher:
    return Batcher(shards, Origin("eu-west", "agent"), first)


def taken(batcher: Batcher, now_us: int, *, everything: bool = False) -> list[Lot]:
    batcher.pieces(-250)
    return batcher.take(now_us, everything=everything)


def good(check: int = 7, slot_us: int = NOW_US) -> Result:
    return Result(check=check, revision=1, slot_us=slot_us, attempt=0, outcome=Outcome.UP, end_us=slot_us + 1000)


def failed(check: int = 7, slot_us: int = NOW_US) -> Result:
    return Result(
        check=check,
        revision=1,
        slot_us=slot_us,
        attempt=0,
        outcome=Outcome.DOWN,
        end_us=slot_us + 1000,
        cause=Cause.TCP_REFUSED,
        evidence=Evidence("connection refused by 192.0.2.7:443"),
    )


@given(st.lists(results | st.none(), max_size=40))
def test_every_result_travels_once_in_its_shard_and_reads_back_as_it_was(given_: list[Result | None]) -> None:
    """None stands for a moment in which what came is written down."""
    batcher, pieces = batcher_of(SHARDS), []
    for result in given_:
        if result is None:
            pieces += batcher.pieces(-250)
        else:
            batcher.add(result, NOW_US)
    pieces += batcher.pieces(-250)
    lots = batcher.take(NOW_US, everything=True)
    assert {lot.number: (lot.payload, lot.results) for lot in lots} == {
        number: (
            b"".join(piece.payload for piece in pieces if piece.number == number),
            sum(piece.results for piece in pieces if piece.number == number),
        )
        for number in {piece.number for piece in pieces}
    }
    given_ = [result for result in given_ if result is not None]
    read = []
    for lot in lots:
        batch = ResultBatch.FromString(lot.payload)
        assert (batch.region, batch.agent, batch.number, batch.clock_offset_us) == (
            "eu-west",
            "agent",
            lot.number,
            -250,
        )
        assert len(batch.check) == lot.results
        assert {shard_of(check, SHARDS) for check in batch.check} == {batch.shard} == {lot.shard}
        evidence = {item.result: item for item in batch.evidence}
        for i in range(len(batch.check)):
            phases = (batch.dns[i], batch.connect[i], batch.tls[i], batch.first_byte[i], batch.transfer[i])
            read.append(
                (
                    batch.check[i],
                    batch.revision[i],
                    batch.base_time_us + batch.slot_us[i],
                    batch.attempt[i],
                    batch.outcome[i],
                    batch.base_time_us + batch.end_us[i],
                    batch.cause[i],
                    Phases(*phases),
                    batch.http_status[i],
                    i in evidence,
                )
            )
    expected = [
        (
            *(
                r.check,
                r.revision,
                r.slot_us,
                r.attempt,
                int(r.outcome),
                r.end_us,
                int(r.cause),
                r.phases,
                r.http_status,
            ),
            r.evidence is not None,
        )
        for r in given_
    ]
    assert sorted(read, key=repr) == sorted(expected, key=repr)
    assert len(batcher) == 0


def test_good_results_wait_for_company_but_no_longer_than_a_second() -> None:
    batcher = batcher_of()
    batcher.add(good(1), NOW_US)
    batcher.add(good(2), NOW_US + HOLD_US // 2)
    assert taken(batcher, NOW_US + HOLD_US - 1) == []
    assert batcher.next_us() == NOW_US + HOLD_US
    assert [lot.results for lot in taken(batcher, NOW_US + HOLD_US)] == [2]
    assert batcher.next_us() is None


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.UP])
def test_any_other_result_goes_at_once_and_takes_its_shard_along(outcome: Outcome) -> None:
    batcher = batcher_of()
    batcher.add(good(1), NOW_US)
    result = Result(check=2, revision=1, slot_us=NOW_US, attempt=0, outcome=outcome, end_us=NOW_US)
    batcher.add(result, NOW_US)
    assert [lot.results for lot in taken(batcher, NOW_US)] == [2]


def test_a_clock_that_is_set_back_does_not_hold_results() -> None:
    batcher = batcher_of()
    batcher.add(good(), NOW_US)
    assert len(taken(batcher, NOW_US - 3600 * SECOND_US)) == 1


@pytest.mark.parametrize(("make", "limit"), [(good, MAX_RESULTS), (failed, MAX_EVIDENCE)])
def test_a_full_batch_goes_without_waiting(make: type, limit: int) -> None:
    batcher = batcher_of()
    for _ in range(limit + 1):
        batcher.add(make(), NOW_US)
    assert [lot.results for lot in taken(batcher, NOW_US, everything=True)] == [limit, 1]


def test_the_largest_batch_stays_below_the_brokers_limit() -> None:
    evidence = Evidence(
        "é" * 500,
        "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535",
        "é" * 2048,
        (("h" * 100, "v" * 4000),),
        "€" * 512,
        1,
        resolved=("2001:db8:1234:5678:9abc:def0:1234:5678",) * MOST_ADDRESSES,
        certificate=Sighting(
            ("h" * 253, "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535"),
            Certificate("s" * 300, "i" * 300, ("n" * 253,) * 100, 1, 2, "f" * 64, "TLSv1.3", "c" * 40),
            verified=True,
        ),
        body_hash="f" * 64,
        body_characters=2**40,
    )
    result = Result(2**63, 2**32 - 1, NOW_US, 19, Outcome.DOWN, NOW_US, Cause.AGENT_FAULT, evidence=evidence)
    batcher = batcher_of()
    for each in [good(2**63)] * (MAX_RESULTS - MAX_EVIDENCE) + [result] * MAX_EVIDENCE:
        batcher.add(each, NOW_US)
        batcher.pieces(-250)  # apart from each other they are largest
    (lot,) = batcher.take(NOW_US, everything=True)
    assert lot.results == MAX_RESULTS
    assert len(lot.payload) < 950 * 1024


def test_a_result_that_took_hours_is_refused() -> None:
    result = Result(check=7, revision=1, slot_us=NOW_US, attempt=0, outcome=Outcome.UP, end_us=NOW_US + 2 * SPAN_US)
    with pytest.raises(ValueError, match="ended 3600 s after its slot"):
        batcher_of().add(result, NOW_US)


def test_what_a_site_sent_is_told_even_where_it_is_not_text() -> None:
    result = Result(7, 1, NOW_US, 0, Outcome.DOWN, NOW_US, evidence=Evidence("half \ud800", body_excerpt="\udfff"))
    batcher = batcher_of()
    batcher.add(result, NOW_US)
    (lot,) = taken(batcher, NOW_US)
    batch = ResultBatch.FromString(lot.payload)
    assert (batch.evidence[0].detail, batch.evidence[0].body_excerpt) == ("half ?", "?")
