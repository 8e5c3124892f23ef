"""A status page's other forms: JSON, an Atom feed (RFC 4287), and a badge."""

import json
from collections.abc import Iterator
from xml.etree import ElementTree

from api.status.content import IncidentView, SiteView, View

ATOM = "http://www.w3.org/2005/Atom"
_BADGE_COLOURS = {
    "up": "#1a7f4b",
    "down": "#d1242f",
    "partial_outage": "#8a6100",
    "unknown": "#59636e",
    "maintenance": "#2f62b5",
}


def as_json(view: View) -> str:
    """States as in the rest of the interfaces; ratios, not per cent; times in RFC 3339."""
    return json.dumps(
        {
            "customer": view.page.customer,
            "title": view.page.title,
            "time": view.now.isoformat(),
            "state": view.standing.upper(),
            "headline": view.headline,
            "sites": [_site(site) for site in view.sites],
            "open_incidents": [_incident(incident) for incident in view.open_incidents],
            "past_incidents": [_incident(incident) for incident in view.past_incidents],
            "maintenance": [
                {"site": work.host, "start_time": work.start.isoformat(), "end_time": work.end.isoformat()}
                for work in view.work
            ],
        },
        ensure_ascii=False,
    )


def _site(site: SiteView) -> dict[str, object]:
    return {
        "name": f"sites/{site.site_id}",
        "host": site.host,
        "state": site.standing.upper(),
        "availability_90_days": site.availability_ratio,
    }


def _incident(incident: IncidentView) -> dict[str, object]:
    return {
        "name": f"incidents/{incident.incident_id}",
        "site": f"sites/{incident.site_id}",
        "start_time": incident.start.isoformat(),
        "resolve_time": incident.end.isoformat() if incident.end else None,
        "cause": incident.cause,
        "updates": [
            {"time": update.time.isoformat(), "what": update.what, "text": update.text} for update in incident.updates
        ],
    }


def as_atom(view: View, address: str) -> str:
    """An entry per incident, changed whenever there is news of it. `address` is the page's own."""
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed", {"xml:lang": view.page.locale})
    incidents = [*view.open_incidents, *view.past_incidents]
    updated = max((_updated(incident) for incident in incidents), default=view.now.isoformat())
    for name, text in (("id", address), ("title", view.page.title), ("updated", updated)):
        ElementTree.SubElement(feed, f"{{{ATOM}}}{name}").text = text
    ElementTree.SubElement(feed, f"{{{ATOM}}}link", {"href": address})
    author = ElementTree.SubElement(feed, f"{{{ATOM}}}author")
    ElementTree.SubElement(author, f"{{{ATOM}}}name").text = view.page.title
    for incident in incidents:
        entry = ElementTree.SubElement(feed, f"{{{ATOM}}}entry")
        for name, text in (
            ("id", f"{address}#{incident.incident_id}"),
            ("title", incident.title),
            ("updated", _updated(incident)),
            ("summary", "\n".join(_sentences(incident))),
        ):
            ElementTree.SubElement(entry, f"{{{ATOM}}}{name}").text = text
        ElementTree.SubElement(entry, f"{{{ATOM}}}link", {"href": f"{address}#{incident.incident_id}"})
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(feed, encoding="unicode")


def _updated(incident: IncidentView) -> str:
    return max((update.time for update in incident.updates), default=incident.end or incident.start).isoformat()


def _sentences(incident: IncidentView) -> Iterator[str]:
    yield incident.cause
    for update in incident.updates:
        yield f"{update.when} · {update.text or update.what}"


def badge_colour(view: View) -> str:
    """White text has a contrast of at least 4.5 on it."""
    return _BADGE_COLOURS[view.standing]
