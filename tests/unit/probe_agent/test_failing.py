import pytest
from structlog.testing import capture_logs

from probe_agent.checks import Check
from probe_agent.failing import Failing
from probe_agent.results import Evidence, Result, missed
from probe_agent.targets import HttpTarget
from quivive.domain.words import Cause, Outcome

CHECK = Check(7, 1, "sites/s/checks/http", ("r",), 30_000_000, 1_000_000, 2, 500_000, HttpTarget("https://x.example/"))


def result(outcome: Outcome, cause: Cause = Cause.UNSPECIFIED) -> Result:
    evidence = None if outcome is Outcome.UP else Evidence("why")
    return Result(CHECK.id, 1, 0, 0, outcome, 1, cause, evidence=evidence)


UP = result(Outcome.UP)
REFUSED, RESET = result(Outcome.DOWN, Cause.TCP_REFUSED), result(Outcome.DOWN, Cause.TCP_RESET)
LATE = missed(CHECK, 0, 1, Cause.AGENT_OVERLOADED, "late")


@pytest.mark.parametrize(
    ("results", "told"),
    [
        ([UP, UP], []),
        ([REFUSED] * 3, ["info", "debug", "debug"]),
        ([REFUSED, RESET, RESET], ["info", "info", "debug"]),
        ([REFUSED, REFUSED, UP, UP], ["info", "debug", "info"]),
        ([REFUSED, UP, REFUSED], ["info", "info", "info"]),
        ([LATE, UP, LATE], ["debug", "debug"]),
        ([REFUSED, LATE, REFUSED, UP], ["info", "debug", "debug", "info"]),
    ],
)
def test_first_failures_and_recoveries_are_told_and_repetitions_are_not(results: list[Result], told: list[str]) -> None:
    failing = Failing()
    with capture_logs() as lines:
        for each in results:
            failing.note(CHECK, each)
    assert [line["log_level"] for line in lines] == told
    assert all(line["check"] == CHECK.name for line in lines)
