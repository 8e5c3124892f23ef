"""What is said about an event, in words: a subject, a sentence, facts and links. How it looks is each channel's business."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from babel.dates import format_timedelta

from aggregator.notify.texts import moment, responsibility_phrase, words_of
from aggregator.phrases import cause_phrase
from quivive.domain.words import Cause, Responsibility

Tone = Literal["bad", "good", "calm"]


@dataclass(frozen=True, slots=True)
class Message:
    """One piece of news in one language."""

    subject: str
    sentence: str
    facts: tuple[tuple[str, str], ...]
    """Labels and values."""
    link: str | None
    is_bad: bool
    """Bad news or good."""
    locale: str = "en"
    is_calm: bool = False
    """Neither: a test, or something that can wait."""
    acknowledge: str | None = None
    """The link by which its reader takes the incident on."""
    votes: tuple[tuple[str, str], ...] = ()
    """Regions, and what each says."""
    evidence: tuple[str, ...] = ()
    """What single attempts saw."""

    @property
    def tone(self) -> Tone:
        return "calm" if self.is_calm else "bad" if self.is_bad else "good"


def compose(kind: str, payload: Mapping[str, Any], locale: str, public_url: str | None) -> Message:
    """The message about an event of `kind`. ValueError for a kind that there is no text for."""
    words = words_of(locale)
    home = public_url.rstrip("/") if public_url else None
    match kind:
        case "incident.confirmed" | "incident.reminder":
            return _incident("down", payload, locale, home)
        case "incident.resolved":
            return _incident(
                "up" if payload["close_reason"].startswith("recovered") else "closed", payload, locale, home
            )
        case "incident.acknowledged" | "incident.escalated" | "incident.target_near":
            return _incident(kind.partition(".")[2], payload, locale, home)
        case "region.blind" | "region.sighted" | "data.incomplete" | "data.complete":
            name = kind.partition(".")[2]
            facts = [(words["time"], moment(payload["time"], "UTC", locale))]
            return _plain(name, payload, facts, locale, home, is_bad=name in ("blind", "incomplete"))
        case "content.drifted":
            facts = [
                (words["customer"], payload["customer_title"]),
                (words["site"], payload["site"]),
                (words["finding"], payload["detail"]),
                (words["time"], moment(payload["time"], "UTC", locale)),
            ]
            return _plain("drifted", {**payload, "host": _host(payload["url"])}, facts, locale, home)
        case "drill":
            facts = [(words["channel"], payload["channel"]), (words["time"], moment(payload["time"], "UTC", locale))]
            return _plain("drill", payload, facts, locale, home, is_calm=True)
        case "digest":
            items = payload["items"]
            facts = [(str(item["title"]), str(item["detail"])) for item in items]
            return _plain("digest", {"count": len(items)}, facts, locale, home, is_calm=True)
        case _ if "subject" in payload and "sentence" in payload:
            facts = [(str(label), str(value)) for label, value in payload.get("facts", ())]
            return Message(
                subject=str(payload["subject"]),
                sentence=str(payload["sentence"]),
                facts=tuple(facts),
                link=payload.get("link") or home,
                is_bad=bool(payload.get("is_bad", False)),
                is_calm=not payload.get("is_bad", False),
                locale=locale,
            )
        case _:
            raise ValueError(f"no text for {kind}")


def _plain(
    name: str,
    terms: Mapping[str, Any],
    facts: list[tuple[str, str]],
    locale: str,
    home: str | None,
    *,
    is_bad: bool = True,
    is_calm: bool = False,
) -> Message:
    words = words_of(locale)
    return Message(
        subject=words[name].format_map(terms),
        sentence=words[f"{name}_sentence"].format_map(terms),
        facts=tuple(facts),
        link=home,
        is_bad=is_bad and not is_calm,
        is_calm=is_calm,
        locale=locale,
    )


def _incident(name: str, payload: Mapping[str, Any], locale: str, home: str | None) -> Message:
    words = words_of(locale)
    zone = payload["timezone"]
    cause = cause_phrase(Cause(payload["cause"]), locale)
    terms = {
        "host": _host(payload["url"]),
        "url": payload["url"],
        "cause": cause,
        "detail": payload["detail"],
        "person": payload.get("person_name") or payload.get("person") or "?",
    }
    if "resolve_time" in payload:
        length = datetime.fromisoformat(payload["resolve_time"]) - datetime.fromisoformat(payload["start_time"])
        terms["length"] = format_timedelta(length, threshold=2, locale=locale)
    facts = [
        (words["customer"], payload["customer_title"]),
        (words["site"], payload["site"]),
        (words["cause"], f"{cause} ({payload['detail']})"),
        (words["responsibility"], responsibility_phrase(Responsibility(payload["responsibility"]), locale)),
        (words["start"], moment(payload["start_time"], zone, locale)),
    ]
    facts.append((words["confirm"], moment(payload["confirm_time"], zone, locale)))
    if name == "up":
        facts.append((words["resolve"], moment(payload["resolve_time"], zone, locale)))
    if name == "acknowledged" and payload.get("acknowledge_time"):
        facts.append((words["acknowledge_time"], moment(payload["acknowledge_time"], zone, locale)))
    if payload.get("respond_by") and name in ("down", "escalated", "target_near"):
        facts.append((words["due"], moment(payload["respond_by"], zone, locale)))
    facts.append((words["regions"], ", ".join(payload["regions"])))
    if payload["simulated"]:
        facts.append((words["simulated"], words["simulated_value"]))
    return Message(
        subject=words[name].format_map(terms),
        sentence=words[f"{name}_sentence"].format_map(terms),
        facts=tuple(facts),
        link=f"{home}/incidents/{payload['incident']}" if home else None,
        is_bad=name in ("down", "escalated", "target_near"),
        is_calm=name == "acknowledged",
        locale=locale,
    )


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
