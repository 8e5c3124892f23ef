from hypothesis import given
from hypothesis import strategies as st

from probe_agent.backlog import Backlog, Parcel


def parcel(number: int, size: int = 10) -> Parcel:
    return Parcel(number, "agent", "quivive.results.0.eu-west", b"x" * size, 3)


def sent(backlog: Backlog, now: float = 0.0, window: int = 100) -> list[int]:
    numbers = []
    while (item := backlog.next_to_send(now, window)) is not None:
        numbers.append(item.number)
    return numbers


def test_parcels_leave_in_order_and_once() -> None:
    backlog = Backlog()
    for number in (1, 2, 3):
        backlog.add(parcel(number), 0.0)
    assert sent(backlog) == [1, 2, 3]
    assert sent(backlog) == []


def test_no_more_than_the_window_is_under_way() -> None:
    backlog = Backlog()
    for number in range(1, 6):
        backlog.add(parcel(number), 0.0)
    assert sent(backlog, window=2) == [1, 2]
    backlog.remove(1)
    assert sent(backlog, window=2) == [3]


def test_what_is_not_acknowledged_goes_again_in_order() -> None:
    backlog = Backlog()
    for number in (1, 2, 3):
        backlog.add(parcel(number), 0.0)
    sent(backlog)
    backlog.remove(2)
    backlog.send_again()
    assert sent(backlog) == [1, 3]


def test_the_oldest_under_way_tells_its_time() -> None:
    backlog = Backlog()
    backlog.add(parcel(1), 0.0)
    assert backlog.oldest_sent() is None
    sent(backlog, now=5.0)
    backlog.add(parcel(2), 0.0)
    sent(backlog, now=6.0)
    assert backlog.oldest_sent() == 5.0
    backlog.remove(1)
    backlog.remove(1)
    assert backlog.oldest_sent() == 6.0


def test_the_old_are_set_aside_whether_they_were_sent_or_not() -> None:
    backlog = Backlog()
    for number, added in ((1, 10.0), (2, 20.0), (3, 30.0)):
        backlog.add(parcel(number), added)
    sent(backlog, window=1)
    assert backlog.set_aside(25.0, 1000) == 2
    assert backlog.numbers == [3]
    assert backlog.oldest_sent() is None
    assert sent(backlog) == [3]


def test_beyond_the_bound_the_oldest_are_set_aside() -> None:
    backlog = Backlog()
    for number in (1, 2, 3):
        backlog.add(parcel(number), 0.0)
    assert backlog.set_aside(-1.0, 25) == 1
    assert backlog.numbers == [2, 3]


@given(
    st.lists(st.sampled_from(["add", "send", "acknowledge", "again"]), max_size=60), st.randoms(use_true_random=False)
)
def test_nothing_is_lost_and_the_counts_agree(actions: list[str], random: object) -> None:
    backlog, number, under_way, expected = Backlog(), 0, [], set()
    for action in actions:
        match action:
            case "add":
                number += 1
                expected.add(number)
                backlog.add(parcel(number), 0.0)
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
    backlog.send_again()
    assert sent(backlog) == sorted(expected)
