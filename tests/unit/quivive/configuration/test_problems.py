"""Paths to values, and how a problem reads."""

from hypothesis import given
from hypothesis import strategies as st

from quivive.configuration.problems import Problem, format_path, parse_path

steps = st.integers(0, 99_999) | st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True)


@given(st.lists(steps, max_size=6).filter(lambda path: not path or isinstance(path[0], str)).map(tuple))
def test_a_path_is_read_back(path: tuple[str | int, ...]) -> None:
    assert parse_path(format_path(path)) == path


def test_a_problem_reads_as_file_line_path_and_reason() -> None:
    problem = Problem(("sites", 3, "customer"), "unknown customer", "quivive.yaml", 12)
    assert str(problem) == "quivive.yaml:12: sites[3].customer: unknown customer"
    assert str(Problem((), "does not exist", "quivive.yaml")) == "quivive.yaml: does not exist"
    assert str(Problem(("sites",), "is wrong")) == "sites: is wrong"
