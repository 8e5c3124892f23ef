"""The alerts: each from a file of its own, on metrics that exist, with a page to turn to."""

import re

import yaml

METRIC = re.compile(r"\bquivive_[a-z_]+")
SUFFIX = re.compile(r"_(bucket|count|sum|total)$")
PACKAGES = ("quivive", "probe_agent", "aggregator", "api")


def rules(production):
    for release in production:
        for item in release.of_kind("PrometheusRule"):
            for group in item["spec"]["groups"]:
                yield from group["rules"]


def test_each_file_is_one_alert_with_severity_and_a_text(production):
    found = {rule["alert"] for rule in rules(production)}
    files = [path for release in production for path in release.chart.glob("alerts/*.yaml")]
    assert len(found) == len(files) == len(list(rules(production)))
    for rule in rules(production):
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
        assert not re.search(r"\{\{-? *\.|include", yaml.safe_dump(rule)), "a template was left unrendered"


def test_each_alert_has_its_section_in_the_runbooks(production, root):
    headings = re.findall(r"^## (\w+)$", (root / "docs" / "runbooks.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(rule["alert"] for rule in rules(production))
    for rule in rules(production):
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{rule['alert'].lower()}"


def test_each_alert_asks_for_metrics_that_a_service_exports(production, root):
    sources = "\n".join(
        path.read_text("utf-8")
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
        if "v1" not in path.parts
    )
    exported = {SUFFIX.sub("", name) for name in METRIC.findall(sources)}
    wanted = {SUFFIX.sub("", name) for rule in rules(production) for name in METRIC.findall(rule["expr"])}
    assert wanted
    assert wanted <= exported


def test_each_expression_is_closed(production):
    pairs = {"(": ")", "[": "]", "{": "}"}
    for rule in rules(production):
        open_ones: list[str] = []
        for character in re.sub(r'"[^"]*"', '""', rule["expr"]):
            if character in pairs:
                open_ones.append(pairs[character])
            elif character in pairs.values():
                assert open_ones.pop() == character, rule["expr"]
        assert open_ones == [], rule["expr"]
