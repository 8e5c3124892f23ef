"""A call says that results become decisions and decisions messages, and nothing less."""

from aggregator.notify.deadman import LATEST_S, Path


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_only_a_path_that_moves_from_end_to_end_is_called_well() -> None:
    clock = Clock()
    path = Path(clock)
    assert path.stuck(watches=True) == "no results have been committed"
    path.committed()
    assert path.stuck(watches=True) == "nobody has looked at the outbox"
    path.swept()
    assert path.stuck(watches=True) is None
    clock.now += LATEST_S + 1
    path.swept()
    assert path.stuck(watches=True) == "no results have been committed"
    assert path.stuck(watches=False) is None
    clock.now += LATEST_S + 1
    path.committed()
    assert path.stuck(watches=True) == "nobody has looked at the outbox"
