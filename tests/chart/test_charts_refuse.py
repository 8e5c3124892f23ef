"""Values that the charts refuse, with a word on where."""

from typing import Any

import helm_python as helm
import pytest

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("quivive", {"agregator": {}}, "agregator"),
    ("quivive", {"api": {"replicas": 0}}, "/api/replicas"),
    ("quivive", {"aggregator": {"replicas": 0}}, "/aggregator/replicas"),
    ("quivive", {"nats": {"secret": {"name": ""}}}, "/nats/secret/name"),
    ("quivive", {"nats": {"url": "nats://user:password@nats:4222"}}, "url"),
    ("quivive", {"database": {"secret": {"name": "Not A Name"}}}, "/database/secret/name"),
    ("quivive", {"aggregator": {"env": {"QUIVIVE_DATABASE_URL": "postgresql://"}}}, "QUIVIVE_DATABASE_URL"),
    ("quivive", {"api": {"env": {"lower-case": "x"}}}, "lower-case"),
    ("quivive", {"settings": {"shards": 0}}, "/settings/shards"),
    ("quivive", {"settings": {"minInterval": "10"}}, "/settings/minInterval"),
    ("quivive", {"settings": {"publicUrl": "status.example.com"}}, "/settings/publicUrl"),
    ("quivive", {"settings": {"logLevel": "LOUD"}}, "/settings/logLevel"),
    ("quivive", {"ingress": {"enabled": True}}, "/ingress/host"),
    ("quivive", {"image": {"tag": "a b"}}, "/image/tag"),
    ("quivive", {"networkPolicy": {"notifyPorts": [70000]}}, "/networkPolicy/notifyPorts/0"),
    ("quivive-probe", {}, "/region"),
    ("quivive-probe", {"region": "EU west"}, "/region"),
    ("quivive-probe", {"region": "eu-west", "settings": {"allowTargets": ["10.0.0.1"]}}, "/settings/allowTargets/0"),
    (
        "quivive-probe",
        {"region": "eu-west", "settings": {"resolvers": ["dns.example.com:53"]}},
        "/settings/resolvers/0",
    ),
    ("quivive-probe", {"region": "eu-west", "simulated": "yes"}, "/simulated"),
    ("quivive-probe", {"region": "eu-west", "terminationGracePeriodSeconds": 1}, "/terminationGracePeriodSeconds"),
]


@pytest.mark.parametrize(("chart", "values", "place"), REFUSED, ids=lambda value: str(value)[:48])
def test_values_outside_the_schema_are_refused_with_their_place(root, chart, values, place):
    with helm.Chart.load(root / "deploy" / "helm" / chart) as loaded, pytest.raises(helm.HelmValuesError) as refusal:
        loaded.render(values, name="demo")
    assert place in str(refusal.value)
