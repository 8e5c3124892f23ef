from hypothesis import given
from hypothesis import strategies as st

from probe_agent.backlog import Backlog, Parcel


def parcel(number: int, size: int = 10, results: int = 3) -> Parcel:
    return Parcel(number, "quivive.results.0.eu-west", b"x" * size, results)


def sent(backlog: Backlog, now: float = 0.0, window: int = 100) -> list[int]:
    numbers = []
    while (item := backlog.next_to_send(now, window)) is not None:
        numbers.append(item.number)
    return numbers


def test_parcels_leave_in_order_and_once() -> None:
    backlog = Backlog(1000)
    for number in (1, 2, 3):
        backlog.add(parcel(number))
    assert sent(backlog) == [1, 2, 3]
    assert sent(backlog) == []


def test_no_more_than_the_window_is_under_way() -> None:
    backlog = Backlog(1000)
    for number in range(1, 6):
        backlog.add(parcel(number))
    assert sent(backlog, window=2) == [1, 2]
    backlog.remove(1)
    assert sent(backlog, window=2) == [3]


def test_what_is_not_acknowledged_goes_again_in_order() -> None:
    backlog = Backlog(1000)
    for number in (1, 2, 3):
        backlog.add(parcel(number))
    sent(backlog)
    backlog.remove(2)
    backlog.send_again()
    assert sent(backlog) == [1, 3]


def test_the_oldest_under_way_tells_its_time() -> None:
    backlog = Backlog(1000)
    backlog.add(parcel(1))
    assert backlog.oldest_sent() is None
    sent(backlog, now=5.0)
    backlog.add(parcel(2))
    sent(backlog, now=6.0)
    assert backlog.oldest_sent() == 5.0
    backlog.remove(1)
    backlog.remove(1)
    assert backlog.oldest_sent() == 6.0


def test_beyond_the_bound_the_oldest_are_given_up_and_counted() -> None:
    backlog = Backlog(25)
    assert backlog.add(parcel(1)) == 0
    assert backlog.add(parcel(2)) == 0
    assert backlog.add(parcel(3)) == 3
    assert backlog.results == 6
    assert sent(backlog) == [2, 3]


def test_the_newest_is_kept_even_where_it_is_too_large() -> None:
    backlog = Backlog(25)
    backlog.add(parcel(1))
    assert backlog.add(parcel(2, size=100)) == 3
    assert sent(backlog) == [2]


@given(
    st.lists(st.sampled_from(["add", "send", "acknowledge", "again"]), max_size=60), st.randoms(use_true_random=False)
)
def test_nothing_is_lost_and_the_counts_agree(actions: list[str], random: object) -> None:
    backlog, number, under_way, expected = Backlog(10**6), 0, [], set()
    for action in actions:
        match action:
            case "add":
                number += 1
                expected.add(number)
                backlog.add(parcel(number))
            case "send":
                under_way += sent(backlog, window=3)
            case "acknowledge" if under_way:
                done = under_way.pop(random.randrange(len(under_way)))  # type: ignore[attr-defined]
                expected.discard(done)
                backlog.remove(done)
            case "again":
                backlog.send_again()
                under_way = []
    assert len(backlog) == len(expected)
    assert backlog.results == 3 * len(expected)
    backlog.send_again()
    assert sent(backlog) == sorted(expected)
