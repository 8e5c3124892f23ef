"""What is said about several outages that one thing explains: one message instead of one for each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from babel.dates import format_timedelta

from aggregator.notify.channels import Delivery
from aggregator.notify.links import Links
from aggregator.notify.messages import Message, compose
from aggregator.notify.testimony import evidence_lines, vote_lines
from aggregator.notify.texts import moment, words_of
from aggregator.phrases import cause_phrase
from quivive.domain.words import Cause

MOST_NAMED = 50
"""Sites that a message names; of more it says how many."""
_NAMES = {
    "incident.resolved": "up_group",
    "incident.acknowledged": "acknowledged_group",
    "incident.escalated": "escalated_group",
    "incident.target_near": "target_near_group",
}
_KINDS = {"address": "address", "host": "host_name", "nameserver": "nameserver", "zone": "zone"}


def compose_delivery(delivery: Delivery, links: Links) -> Message:
    """The message of a delivery, whether it tells of one incident or of several, in its reader's language.

    ValueError for an unknown kind.
    """
    locale = delivery.language
    message = _news(delivery, locale, links.home)
    return replace(
        message,
        acknowledge=links.acknowledge(delivery),
        # Once it is over, or somebody is on it, how the regions voted then is no news.
        votes=vote_lines(delivery.testimony, locale) if message.is_bad else (),
        evidence=evidence_lines(delivery.testimony, locale, delivery.payload.get("timezone", "UTC")),
    )


def _news(delivery: Delivery, locale: str, public_url: str | None) -> Message:
    payloads = [delivery.payload, *delivery.others]
    if not delivery.others or len({payload["url"] for payload in payloads}) == 1:
        return compose(delivery.kind, delivery.payload, locale, public_url)
    if not delivery.kind.startswith("incident."):
        return compose(delivery.kind, delivery.payload, locale, public_url)
    words = words_of(locale)
    is_over = delivery.kind == "incident.resolved"
    is_calm = delivery.kind == "incident.acknowledged"
    name = _NAMES.get(delivery.kind) or ("more_group" if delivery.follows else "down_group")
    terms = {
        "count": len({payload["site"] for payload in payloads}),
        "cause": cause_phrase(Cause(delivery.payload["cause"]), locale),
        "detail": delivery.payload["detail"],
        "what": _named(delivery.explained_by or "", words),
        "person": delivery.payload.get("person_name") or delivery.payload.get("person") or "?",
        "length": "" if not is_over else format_timedelta(_longest(payloads), threshold=2, locale=locale),
    }
    facts = [(words["cause"], terms["cause"]), (words["explained"], terms["what"])]
    label = words["resolve" if is_over else "start"]
    field = "resolve_time" if is_over else "start_time"
    for payload in payloads[:MOST_NAMED]:
        host = urlsplit(payload["url"]).netloc.rpartition("@")[2]
        facts.append((host, f"{label} {moment(payload[field], payload['timezone'], locale)}"))
    if len(payloads) > MOST_NAMED:
        facts.append(("…", words["and_more"].format(count=len(payloads) - MOST_NAMED)))
    if any(payload["simulated"] for payload in payloads):
        facts.append((words["simulated"], words["simulated_value"]))
    return Message(
        subject=words[name].format_map(terms),
        sentence=words[f"{name}_sentence"].format_map(terms),
        facts=tuple(facts),
        link=public_url,
        is_bad=not is_over and not is_calm,
        is_calm=is_calm,
        locale=locale,
    )


def _named(explained_by: str, words: Mapping[str, str]) -> str:
    kind, _, name = explained_by.partition(" ")
    return words[_KINDS[kind]].format(name=name)


def _longest(payloads: Sequence[Mapping[str, Any]]) -> timedelta:
    return max(datetime.fromisoformat(p["resolve_time"]) - datetime.fromisoformat(p["start_time"]) for p in payloads)
