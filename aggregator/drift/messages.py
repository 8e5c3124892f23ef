"""Features and baselines as the bus and the database have them."""

from quivive.domain.pages import PageBaseline, PageFeatures
from quivive.v1 import bus_pb2

MOST_HOSTS = 64
TITLE_CHARACTERS = 200


def features_of(message: bus_pb2.PageFeatures) -> PageFeatures:
    """Within its bounds, whoever sent it."""
    return PageFeatures(
        title=message.title[:TITLE_CHARACTERS].replace("\0", "\ufffd"),
        text_hash=message.text_hash,
        words=message.words,
        script_hosts=tuple(host.replace("\0", "") for host in message.script_hosts[:MOST_HOSTS]),
        outgoing_links=message.outgoing_links,
        hidden_links=message.hidden_links,
    )


def baseline_of(data: bytes) -> PageBaseline:
    """As it was stored."""
    message = bus_pb2.PageBaseline.FromString(data)
    return PageBaseline(
        titles=tuple(message.titles),
        text_hash=message.text_hash,
        words=message.words,
        text_spread=message.text_spread,
        script_hosts=frozenset(message.script_hosts),
        outgoing_links=message.outgoing_links,
        hidden_links=message.hidden_links,
    )


def stored(baseline: PageBaseline) -> tuple[bytes, bytes]:
    """The baseline, and the part of a CheckSpec that it is."""
    message = bus_pb2.PageBaseline(
        titles=baseline.titles,
        text_hash=baseline.text_hash,
        words=baseline.words,
        text_spread=baseline.text_spread,
        script_hosts=sorted(baseline.script_hosts),
        outgoing_links=baseline.outgoing_links,
        hidden_links=baseline.hidden_links,
    )
    part = bus_pb2.CheckSpec(http=bus_pb2.HttpTarget(drift=bus_pb2.Drift(baseline=message)))
    return message.SerializeToString(deterministic=True), part.SerializeToString(deterministic=True)
