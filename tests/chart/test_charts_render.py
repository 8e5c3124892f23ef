"""What the charts render: valid, locked down, and wired together."""

import json
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import yaml

KUBERNETES = ("1.29.0", "1.34.0")
CUSTOM = {"PodMonitor", "PrometheusRule"}
"""Kinds of the Prometheus operator, for which Kubernetes has no schema."""
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_linting_finds_no_fault(release):
    findings = helm.lint(release.chart, release.values, strict=True)
    assert findings["errors"] == []
    assert [message["error"] for message in findings["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_satisfies_the_kubernetes_schema(release, version):
    checked = [item for item in release.objects if item["kind"] not in CUSTOM]
    assert checked
    for item in checked:
        kubernetes_validate.validate(item, version, strict=True)


def test_every_pod_satisfies_the_restricted_security_standard(release):
    templates = list(release.pod_templates())
    assert templates
    for template in templates:
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] >= 10_000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & pod.keys()
        for container in pod["containers"]:
            assert container["securityContext"] == RESTRICTED
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


def test_every_service_is_asked_for_its_health_and_given_time_to_flush(release):
    for deployment in release.of_kind("Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] >= 10
        for container in pod["containers"]:
            ports = {port["name"] for port in container["ports"]}
            for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
                asked = container[probe]["httpGet"]
                assert asked["path"] == path
                assert asked["port"] in ports


def test_every_selector_selects_exactly_the_pods_it_is_meant_for(release):
    deployments = release.of_kind("Deployment")
    for deployment in deployments:
        selector = deployment["spec"]["selector"]["matchLabels"]
        matching = [item for item in deployments if selects(selector, item["spec"]["template"]["metadata"]["labels"])]
        assert matching == [deployment]
    targets: list[tuple[str, dict[str, str]]] = [
        *((item["metadata"]["name"], item["spec"]["selector"]) for item in release.of_kind("Service")),
        *(
            (item["metadata"]["name"], item["spec"]["selector"]["matchLabels"])
            for item in release.of_kind("PodDisruptionBudget")
        ),
    ]
    for name, selector in targets:
        (meant,) = (item for item in deployments if item["metadata"]["name"] == name)
        assert selects(selector, meant["spec"]["template"]["metadata"]["labels"])
    for policy in release.of_kind("NetworkPolicy"):
        selector = policy["spec"]["podSelector"]["matchLabels"]
        assert any(selects(selector, template["metadata"]["labels"]) for template in release.pod_templates())


def test_every_named_port_exists_on_the_pods_it_is_for(release):
    for policy in release.of_kind("NetworkPolicy"):
        selector = policy["spec"]["podSelector"]["matchLabels"]
        pods = [item for item in release.pod_templates() if selects(selector, item["metadata"]["labels"])]
        for rule in policy["spec"].get("ingress", ()):
            for port in rule["ports"]:
                assert all(port["port"] in port_names(pod) for pod in pods)
    for monitor in release.of_kind("PodMonitor"):
        names = {name for pod in release.pod_templates() for name in port_names(pod)}
        assert {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]} <= names


def port_names(template: dict[str, Any]) -> set[str]:
    return {port["name"] for container in template["spec"]["containers"] for port in container.get("ports", ())}


def test_every_pod_may_reach_the_broker_and_only_the_control_plane_the_database(production):
    for release in production:
        for template in release.pod_templates():
            labels = template["metadata"]["labels"]
            component = labels["app.kubernetes.io/component"]
            ports = {
                port["port"]
                for policy in release.of_kind("NetworkPolicy")
                if selects(policy["spec"]["podSelector"]["matchLabels"], labels)
                for rule in policy["spec"].get("egress", ())
                for port in rule.get("ports", ())
            }
            assert {53, 4222} <= ports
            assert (5433 in ports) == (component != "agent")
            assert (587 in ports) == (component == "aggregator")


def test_no_address_from_a_secret_stands_in_a_configmap_or_in_a_plain_variable(release):
    for config in release.of_kind("ConfigMap"):
        assert not {"QUIVIVE_NATS_URL", "QUIVIVE_DATABASE_URL", "QUIVIVE_SMTP_URL"} & config["data"].keys()
    for template in release.pod_templates():
        for container in template["spec"]["containers"]:
            for variable in container.get("env", ()):
                if variable["name"] in ("QUIVIVE_NATS_URL", "QUIVIVE_DATABASE_URL", "QUIVIVE_SMTP_URL"):
                    assert variable["valueFrom"]["secretKeyRef"].keys() == {"name", "key"}
    assert not release.of_kind("Secret")


def test_a_changed_setting_restarts_the_pods_that_read_it(release):
    for deployment in release.of_kind("Deployment"):
        template = deployment["spec"]["template"]
        (container,) = template["spec"]["containers"]
        read = {source["configMapRef"]["name"] for source in container["envFrom"] if "configMapRef" in source}
        assert read <= {item["metadata"]["name"] for item in release.of_kind("ConfigMap")}
        assert len(template["metadata"]["annotations"]["checksum/configuration"]) == 64


def test_the_migration_leans_on_nothing_that_is_installed_after_it(release):
    for job in release.of_kind("Job"):
        assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
        pod = job["spec"]["template"]["spec"]
        assert "serviceAccountName" not in pod
        assert all("envFrom" not in container for container in pod["containers"])


def test_a_new_aggregator_is_there_before_an_old_one_leaves(production):
    (aggregator,) = (
        item
        for release in production
        for item in release.of_kind("Deployment")
        if item["metadata"]["labels"]["app.kubernetes.io/component"] == "aggregator"
    )
    assert aggregator["spec"]["replicas"] == 1
    assert aggregator["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_every_dashboard_arrives_whole(production):
    (dashboards,) = (
        item
        for release in production
        for item in release.of_kind("ConfigMap")
        if item["metadata"]["labels"].get("grafana_dashboard")
    )
    folder = production[0].chart.parent / "quivive" / "dashboards"
    files = {path.name: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}
    assert {name: json.loads(text) for name, text in dashboards["data"].items()} == files


def test_the_notes_name_each_weak_setting_and_praise_none(release):
    warnings = [line for line in release.notes.splitlines() if line.startswith("! ")]
    match release.values.get("region"), release.values.get("api", {}).get("replicas"):
        case ("us-east", _) | (_, 3):
            assert warnings == []
        case ("lab", _):
            assert {line.split()[1] for line in warnings} >= {
                "simulated",
                "podDisruptionBudget.enabled",
                "networkPolicy.enabled",
                "settings.allowTargets",
            }
        case (_, 1):
            assert {line.split()[1] for line in warnings} >= {
                "settings.publicUrl",
                "ingress.tlsSecret",
                "api.service.type",
                "smtp.secret.name",
                "heartbeats.secret.name",
                "operatorToken.secret.name",
                "links.secret.name",
                "deadman.secret.name",
                "api.replicas",
                "networkPolicy.enabled",
            }
        case _:
            assert warnings


def test_every_key_of_the_values_is_in_the_schema_and_the_other_way_round(production):
    def same(values: dict[str, Any], schema: dict[str, Any], place: str) -> None:
        properties = schema.get("properties")
        if properties is None:
            return
        assert properties.keys() - {"global", "claims"} == values.keys(), place
        for name, value in values.items():
            if isinstance(value, dict):
                same(value, properties[name], f"{place}.{name}")

    for release in production:
        values = yaml.safe_load((release.chart / "values.yaml").read_text("utf-8"))
        schema = json.loads((release.chart / "values.schema.json").read_text("utf-8"))
        same(values, schema, release.chart.name)
