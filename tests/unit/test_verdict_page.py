"""docs/verdict.md names the function and the test of every rule; both must exist."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (\d+ [^|]+) \| `([\w.]+):([\w.]+)` \| `(\w+)` \|$", re.MULTILINE)
RULES = ROW.findall((ROOT / "docs" / "verdict.md").read_text("utf-8"))
TESTS = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "unit" / "aggregator").rglob("test_*.py"))


def test_the_table_covers_the_rules_of_the_core() -> None:
    assert {int(rule.split()[0]) for rule, *_ in RULES} >= set(range(1, 11))


@pytest.mark.parametrize(("rule", "module", "function", "test"), RULES, ids=[rule for rule, *_ in RULES])
def test_each_rule_has_its_function_and_its_test(rule: str, module: str, function: str, test: str) -> None:
    found = import_module(module)
    for part in function.split("."):
        found = getattr(found, part)
    assert f"def {test}(" in TESTS
