"""Whole Quivives against real sites and real receivers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from farm import LocalSites
from receivers import MailSink, WebhookReceiver
from running import Quivive, local_environment


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[LocalSites]:
    """An empty farm."""
    farm = LocalSites(tmp_path)
    yield farm
    farm.close()


@pytest.fixture
def mail_sink() -> Iterator[MailSink]:
    sink = MailSink()
    yield sink
    sink.close()


@pytest.fixture
def webhook() -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def quivive(tmp_path: Path, sites: LocalSites, mail_sink: MailSink) -> Iterator[Quivive]:
    """A Quivive that may look at `sites` and mails to `mail_sink`; not started yet. Its log is shown when a test fails."""
    instance = Quivive(tmp_path)
    # The references: two sites that no test breaks.
    references = ",".join(sites.add(f"reference-{number}").url for number in (1, 2))
    instance.environment.update(
        local_environment(sites.trusted, QUIVIVE_SMTP_URL=mail_sink.url, QUIVIVE_REFERENCES=references)
    )
    yield instance
    try:
        instance.close()
    finally:
        if instance.log.exists():
            print(instance.log.read_text("utf-8", errors="replace")[-20_000:])
