"""What the charts put into the environment is what the services read from it."""

import pytest

from aggregator.settings import AggregatorSettings
from api.settings import ApiSettings
from probe_agent.settings import AgentSettings
from quivive.settings import DatabaseSettings

SERVICES = {
    "agent": (AgentSettings,),
    "aggregator": (AggregatorSettings, ApiSettings),
    "api": (ApiSettings, AggregatorSettings),
}
"""Whose settings a component's environment may hold: first its own; aggregator and api share a ConfigMap."""
SECRETS = {
    "QUIVIVE_NATS_URL": "tls://user:password@nats:4222",
    "QUIVIVE_DATABASE_URL": "postgresql://user:password@db:5432/quivive",
    "QUIVIVE_HEARTBEAT_KEY": "a key for the addresses of jobs, long enough",
    "QUIVIVE_SMTP_URL": "smtps://user:password@relay:465",
    "QUIVIVE_OPERATOR_TOKEN": "an operator's first token, long enough for anybody",
    "QUIVIVE_LINK_KEY": "a key for links that acknowledge",
    "QUIVIVE_DEADMAN_URLS": "https://watch.example/ping/1 https://watch.example/ping/2",
}


def environment(release, container) -> dict[str, str]:
    """What the container's process would see of ours."""
    variables = {}
    for source in container.get("envFrom", ()):
        for config in release.of_kind("ConfigMap"):
            if source.get("configMapRef", {}).get("name") == config["metadata"]["name"]:
                variables |= config["data"]
    for variable in container["env"]:
        variables[variable["name"]] = variable["value"] if "value" in variable else SECRETS[variable["name"]]
    return variables


def known(kinds) -> set[str]:
    return {f"QUIVIVE_{name.upper()}" for kind in kinds for name in kind.model_fields}


@pytest.fixture
def clean(monkeypatch):
    """An environment without anything of ours."""
    for name in known((AgentSettings, AggregatorSettings, ApiSettings)):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_every_service_starts_with_the_settings_that_its_chart_gives(release, clean):
    for template in release.pod_templates():
        component = template["metadata"]["labels"]["app.kubernetes.io/component"]
        (container,) = template["spec"]["containers"]
        variables = environment(release, container)
        if component == "migration":
            assert known((DatabaseSettings,)) == variables.keys()
            continue
        unread = variables.keys() - known(SERVICES[component]) - {"SSL_CERT_FILE"}
        assert not unread, f"{component} does not read {unread}"
        with clean.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            settings = SERVICES[component][0]()
        ports = {port["containerPort"] for port in container["ports"]}
        own = {value for name, value in settings if name.endswith("_port") and value}
        assert ports == own, f"{component} listens on {own} and is asked on {ports}"
