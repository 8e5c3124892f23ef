"""Ten thousand hostile responses: each attempt ends in an outcome, within its deadline, and leaves nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RESPONSES = int(os.environ.get("QUIVIVE_TEST_HOSTILE", "10000"))
GROWTH_MIB = 24
"""Of the second half: fragments of the heap come and go, a leak of five thousand responses would be hundreds."""


@pytest.mark.timeout(900)
def test_ten_thousand_hostile_responses_each_end_in_an_outcome_in_time_and_leave_nothing(root: Path) -> None:
    script = root / "tests" / "hostile.py"
    done = subprocess.run([sys.executable, script, str(RESPONSES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert sum(found["outcomes"].values()) == RESPONSES
    assert len(found["outcomes"]) >= 12, found["outcomes"]
    after_half, after_all = found["idle_mib"]
    assert after_all - after_half < GROWTH_MIB
    assert found["tasks"] == 0
    assert found["descriptors"] <= 2
