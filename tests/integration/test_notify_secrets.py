"""Secrets stay where they are: whatever goes wrong on whichever channel, no log line, no row and no error shows one.

What refuses us repeats all that it was told.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from declaring import declare, declare_channel, rows
from psycopg.types.json import Jsonb
from publishing import eventually
from receivers import HOST, MailSink
from services import Services, Trouble

SECRETS = {
    "QUIVIVE_SECRET_PD": "RSECRETSECRETSECRETSECRETSECRET1",
    "QUIVIVE_SECRET_JIRA": "genie-secret-2222",
    "QUIVIVE_SECRET_SLACK": "xoxb-secret-3333",
    "QUIVIVE_SECRET_SLACK_URL": "/services/T0/B0/secret-4444",
    "QUIVIVE_SECRET_TEAMS": "/workflows/x?sig=secret-5555",
    "QUIVIVE_SECRET_NTFY": "tk_secret_6666",
    "QUIVIVE_SECRET_AUTHORIZATION": "Basic c2VjcmV0LTc3Nzc=",
    "QUIVIVE_SECRET_APPRISE": "json://user:secret-8888@",
    "QUIVIVE_SECRET_SMTP": "secret-9999 with spaces",
    "HOOK_KEY": "secret-hook-aaaa",
    "QUIVIVE_LINK_KEY": "secret-link-key-bbbb",
}
MARKS = (
    "RSECRETSECRET",
    *(f"secret-{digit * 4}" for digit in "23458"),
    "genie-secret",
    "tk_secret_6666",
    "c2VjcmV0LTc3Nzc",
    "secret-9999",
    "secret-9999%20with",
    "secret-hook-aaaa",
    "secret-link-key-bbbb",
)
TROUBLES = {
    "refused": Trouble(400, echoes=True),
    "not allowed": Trouble(401, echoes=True),
    "busy": Trouble(429, {"Retry-After": "1"}, echoes=True),
    "broken": Trouble(500, echoes=True),
    "closed": Trouble(drops=True),
}
SCRIPT = Path(__file__).parent.parent / "sending.py"


@pytest.fixture
def services() -> Iterator[Services]:
    running = Services()
    yield running
    running.close()


@pytest.fixture
def mails() -> Iterator[MailSink]:
    sink = MailSink(login=("quivive", "another"), implicit=False)
    yield sink
    sink.close()


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_no_secret_is_written_anywhere_whatever_goes_wrong(
    migrated_url: str, services: Services, mails: MailSink, trouble: str, tmp_path: Path
) -> None:
    declare(migrated_url)
    kinds = _declare_all(migrated_url, services, mails)
    secrets = {name: services.url + value if value.startswith("/") else value for name, value in SECRETS.items()} | {
        "QUIVIVE_SECRET_APPRISE": f"json://user:secret-8888@{services.url.removeprefix('http://')}/hook"
    }
    services.trouble = TROUBLES[trouble]
    rows(
        migrated_url,
        "INSERT INTO quivive.outbox (event_key, channel_id, kind, payload, due_time)"
        " SELECT 'drill/' || channel_id, channel_id, 'drill', %s, now() FROM quivive.channels",
        Jsonb({"channel": "x", "time": "2026-03-01T09:00:00Z"}),
    )
    log = tmp_path / "sender.log"
    environment = {**os.environ, **secrets, "QUIVIVE_LOG_LEVEL": "DEBUG", "QUIVIVE_DATABASE_URL": migrated_url}
    for name in ("PAGERDUTY", "JIRA", "SLACK"):
        environment[f"QUIVIVE_{name}_URL"] = services.url
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(sys.executable, SCRIPT, env=environment, stdout=out, stderr=out)
    try:
        failed = "SELECT count(*) FROM quivive.outbox WHERE last_error IS NOT NULL"
        await eventually(lambda: rows(migrated_url, failed) == [(kinds,)], "every channel failed", within_s=60)
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)
    written = log.read_text("utf-8")
    errors = [error for (error,) in rows(migrated_url, "SELECT last_error FROM quivive.outbox")]
    everything = written + json.dumps(errors) + _dump(migrated_url)
    assert [(mark, line) for mark in MARKS for line in everything.splitlines() if mark in line] == []
    assert len(errors) == kinds
    assert all(errors)


def _declare_all(url: str, services: Services, mails: MailSink) -> int:
    own = {
        "host": HOST,
        "port": mails.port,
        "security": "starttls",
        "user": "quivive",
        "password": "QUIVIVE_SECRET_SMTP",
    }
    declare_channel(url, "mail", "email", to=["oncall@agency.example"], server=own)
    declare_channel(url, "pd", "pagerduty", routing_key="QUIVIVE_SECRET_PD")
    declare_channel(url, "jira", "jira", api_key="QUIVIVE_SECRET_JIRA")
    declare_channel(url, "slack", "slack", token="QUIVIVE_SECRET_SLACK", channel="C024BE91L")
    declare_channel(url, "slack-hook", "slack", webhook="QUIVIVE_SECRET_SLACK_URL")
    declare_channel(url, "teams", "teams", webhook="QUIVIVE_SECRET_TEAMS")
    declare_channel(url, "ntfy", "ntfy", server=services.url, topic="oncall", token="QUIVIVE_SECRET_NTFY")
    declare_channel(
        url,
        "hook",
        "webhook",
        url=f"{services.url}/api/v2/tickets",
        secret="HOOK_KEY",
        template="zendesk",
        authorization="QUIVIVE_SECRET_AUTHORIZATION",
    )
    declare_channel(url, "apprise", "apprise", url="QUIVIVE_SECRET_APPRISE")
    return 9


def _dump(url: str) -> str:
    """Every row of every table, as text."""
    tables = rows(
        url,
        "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'quivive' AND c.relkind IN ('r', 'p')",
    )
    return "\n".join(str(rows(url, f"SELECT t::text FROM {table} AS t")) for (table,) in tables)
