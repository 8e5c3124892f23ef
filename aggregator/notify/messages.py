"""What is said about an event, in words: a subject, a sentence, facts and a link. How it looks is each channel's business."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_timedelta

from aggregator.phrases import cause_phrase
from quivive.domain.words import Cause


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


_WORDS = {
    "en": {
        "down": "DOWN: {host} — {cause}",
        "down_sentence": "{url} is down: {detail}.",
        "up": "UP: {host} — back after {length}",
        "up_sentence": "{url} is up again. It was down for {length}.",
        "closed": "CLOSED: {host} — watched no more after {length}",
        "closed_sentence": "{url} is no longer watched; its outage is closed after {length}.",
        "down_group": "DOWN: {count} sites — {cause}",
        "down_group_sentence": "{count} sites are down, all behind {what}: {detail}.",
        "more_group": "DOWN: {count} more sites — {cause}",
        "more_group_sentence": "{count} more sites are down behind {what}: {detail}.",
        "up_group": "UP: {count} sites — back after {length}",
        "up_group_sentence": "{count} sites behind {what} are up again. It took up to {length}.",
        "and_more": "and {count} more",
        "explained": "Explained by",
        "address": "address {name}",
        "host_name": "host {name}",
        "nameserver": "name server {name}",
        "zone": "zone {name}",
        "blind": "Region {region} is blind — {detail}",
        "blind_sentence": "Region {region} cannot be relied on: {detail}. Its votes do not count until it is back.",
        "sighted": "Region {region} sees again",
        "sighted_sentence": "Agents of region {region} are heard again. Its votes count.",
        "incomplete": "Data is incomplete",
        "incomplete_sentence": "Too few regions see at least one site: its state is unknown, and nobody is paged for it.",
        "complete": "Data is complete again",
        "complete_sentence": "Every critical check is known again.",
        "drifted": "CHANGED: {host} — the page no longer resembles its past",
        "drifted_sentence": "{url} answers well, but it is not what it was: {detail}. Nobody was paged for it.",
        "finding": "What changed",
        "customer": "Customer",
        "site": "Site",
        "cause": "Cause",
        "start": "Down since",
        "confirm": "Confirmed",
        "resolve": "Up since",
        "regions": "Seen from",
        "simulated": "Caution",
        "simulated_value": "some of these regions share one machine",
        "time": "Time",
    },
    "fr": {
        "down": "EN PANNE : {host} — {cause}",
        "down_sentence": "{url} est en panne : {detail}.",
        "up": "RÉTABLI : {host} — de retour après {length}",
        "up_sentence": "{url} fonctionne à nouveau. La panne a duré {length}.",
        "closed": "CLOS : {host} — plus surveillé après {length}",
        "closed_sentence": "{url} n’est plus surveillé ; sa panne est close après {length}.",
        "down_group": "EN PANNE : {count} sites — {cause}",
        "down_group_sentence": "{count} sites sont en panne, tous derrière {what} : {detail}.",
        "more_group": "EN PANNE : {count} sites de plus — {cause}",
        "more_group_sentence": "{count} sites de plus sont en panne derrière {what} : {detail}.",
        "up_group": "RÉTABLI : {count} sites — de retour après {length}",
        "up_group_sentence": "{count} sites derrière {what} fonctionnent à nouveau, après {length} au plus.",
        "and_more": "et {count} de plus",
        "explained": "Expliqué par",
        "address": "l’adresse {name}",
        "host_name": "l’hôte {name}",
        "nameserver": "le serveur de noms {name}",
        "zone": "la zone {name}",
        "blind": "La région {region} est aveugle — {detail}",
        "blind_sentence": "La région {region} n’est pas fiable : {detail}. Ses votes ne comptent plus jusqu’à son retour.",
        "sighted": "La région {region} voit à nouveau",
        "sighted_sentence": "Les sondes de la région {region} répondent à nouveau. Ses votes comptent.",
        "incomplete": "Données incomplètes",
        "incomplete_sentence": "Trop peu de régions voient au moins un site : son état est inconnu, sans alerte pour l’astreinte.",
        "complete": "Données à nouveau complètes",
        "complete_sentence": "Chaque contrôle critique est à nouveau connu.",
        "drifted": "CHANGÉ : {host} — la page ne ressemble plus à son passé",
        "drifted_sentence": "{url} répond bien, mais n’est plus ce qu’elle était : {detail}. Personne n’a été alerté.",
        "finding": "Ce qui a changé",
        "customer": "Client",
        "site": "Site",
        "cause": "Cause",
        "start": "En panne depuis",
        "confirm": "Confirmé",
        "resolve": "Rétabli à",
        "regions": "Vu depuis",
        "simulated": "Attention",
        "simulated_value": "certaines de ces régions partagent une même machine",
        "time": "Heure",
    },
}


def compose(kind: str, payload: Mapping[str, Any], locale: str, public_url: str | None) -> Message:
    """The message about an event of `kind`. ValueError for a kind that there is no text for."""
    words = words_of(locale)
    match kind:
        case "incident.confirmed" | "incident.resolved":
            return _incident(kind, payload, locale, words, public_url)
        case "region.blind" | "region.sighted" | "data.incomplete" | "data.complete":
            name = kind.partition(".")[2]
            return Message(
                subject=words[name].format_map(payload),
                sentence=words[f"{name}_sentence"].format_map(payload),
                facts=((words["time"], moment(payload["time"], "UTC", locale)),),
                link=public_url,
                is_bad=name in ("blind", "incomplete"),
            )
        case "content.drifted":
            terms = {**payload, "host": urlsplit(payload["url"]).netloc.rpartition("@")[2]}
            return Message(
                subject=words["drifted"].format_map(terms),
                sentence=words["drifted_sentence"].format_map(terms),
                facts=(
                    (words["customer"], payload["customer_title"]),
                    (words["site"], payload["site"]),
                    (words["finding"], payload["detail"]),
                    (words["time"], moment(payload["time"], "UTC", locale)),
                ),
                link=public_url,
                is_bad=True,
            )
        case _:
            raise ValueError(f"no text for {kind}")


def _incident(
    kind: str, payload: Mapping[str, Any], locale: str, words: Mapping[str, str], public_url: str | None
) -> Message:
    cause = cause_phrase(Cause(payload["cause"]), locale)
    zone = payload["timezone"]
    terms = {
        "host": urlsplit(payload["url"]).netloc.rpartition("@")[2],
        "url": payload["url"],
        "cause": cause,
        "detail": payload["detail"],
    }
    name = "down"
    if kind == "incident.resolved":
        name = "up" if payload["close_reason"].startswith("recovered") else "closed"
        length = datetime.fromisoformat(payload["resolve_time"]) - datetime.fromisoformat(payload["start_time"])
        terms["length"] = format_timedelta(length, threshold=2, locale=locale)
    facts = [
        (words["customer"], payload["customer_title"]),
        (words["site"], payload["site"]),
        (words["cause"], f"{cause} ({payload['detail']})"),
        (words["start"], moment(payload["start_time"], zone, locale)),
        (words["confirm"], moment(payload["confirm_time"], zone, locale)),
        (words["regions"], ", ".join(payload["regions"])),
    ]
    if name == "up":
        facts.insert(4, (words["resolve"], moment(payload["resolve_time"], zone, locale)))
    if payload["simulated"]:
        facts.append((words["simulated"], words["simulated_value"]))
    return Message(
        subject=words[name].format_map(terms),
        sentence=words[f"{name}_sentence"].format_map(terms),
        facts=tuple(facts),
        link=f"{public_url.rstrip('/')}/incidents/{payload['incident']}" if public_url else None,
        is_bad=name == "down",
    )


def words_of(locale: str) -> Mapping[str, str]:
    """The texts of a language; English for one that there is none of."""
    return _WORDS["fr" if locale == "fr" else "en"]


def moment(text: str, zone: str, locale: str) -> str:
    """In the customer's zone and language."""
    return format_datetime(datetime.fromisoformat(text), "d MMMM y, HH:mm:ss ZZZZ", ZoneInfo(zone), locale=locale)
