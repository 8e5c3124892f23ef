"""The notifier killed between every pair of its steps: every page goes out, and twice at most, then under the same Message-ID."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from declaring import rows
from escalating import POLICY, confirmed, declare_paging, record
from publishing import eventually, now_us
from receivers import MailSink

NOTIFIER = Path(__file__).resolve().parent.parent / "dying_notifier.py"
TWO_STEPS = {**POLICY, "steps": [{"person": "alice"}, {"person": "bob"}], "repeat": 0, "fallback": None}
POINTS = {
    "before attach": 1,
    "after attach": 1,
    "after tell": 1,
    "before step_taken": 1,
    "after step_taken": 1,
    "after claim": 1,
    "after claiming": 1,
    "before send": 1,
    "after send": 2,
    "before sent": 2,
    "after sent": 2,
    "after paged_event": 2,
}
"""And how often a mail may come: more than once only where the receiver has it, and the database does not know yet."""


@pytest.fixture
def mails() -> Iterator[MailSink]:
    sink = MailSink()
    yield sink
    sink.close()


@pytest.mark.parametrize("point", POINTS)
async def test_every_page_goes_out_whatever_it_was_doing_when_it_was_killed(
    migrated_url: str, mails: MailSink, point: str
) -> None:
    declare_paging(migrated_url, policy=TWO_STEPS)
    await record(migrated_url, confirmed(now_us()))
    command = [sys.executable, str(NOTIFIER), migrated_url, mails.url]
    killed = await asyncio.to_thread(
        subprocess.run, [*command, point], timeout=60, check=False, capture_output=True, text=True
    )
    assert killed.returncode == -9, killed.stderr
    rows(
        migrated_url, "UPDATE quivive.outbox SET claim_time = now() - interval '1 s' WHERE claim_time IS NOT NULL"
    )  # its lease ran out
    unsent = "SELECT 1 FROM quivive.outbox WHERE sent_time IS NULL"
    untaken = "SELECT 1 FROM quivive.escalation_steps WHERE take_time IS NULL AND kind = 'step'"
    again = await asyncio.create_subprocess_exec(*command, "", stderr=asyncio.subprocess.DEVNULL)
    try:
        await eventually(
            lambda: len(mails.mails) >= 2 and not rows(migrated_url, unsent) and not rows(migrated_url, untaken),
            "everybody told",
            within_s=40,
        )
    finally:
        again.kill()
        await again.wait()
    came = Counter(mail.message["Message-ID"] for mail in mails.mails)
    assert {mail.recipients for mail in mails.mails} == {("alice@agency.example",), ("bob@agency.example",)}
    assert len(came) == 2
    assert max(came.values()) <= POINTS[point]
    assert rows(migrated_url, "SELECT count(*) FROM quivive.incident_events WHERE kind IN ('escalated', 'paged')") == [
        (3,)
    ]
