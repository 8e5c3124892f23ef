"""The charts, and every object that each of their example values renders to."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml

CHARTS = Path(__file__).resolve().parents[2] / "deploy" / "helm"
EXAMPLES = sorted(CHARTS.glob("*/ci/*-values.yaml"))


@dataclass(frozen=True)
class Release:
    """A chart rendered with one of its example values."""

    chart: Path
    values: dict[str, Any]
    notes: str
    objects: list[dict[str, Any]]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in self.objects if item["kind"] == kind]

    def pod_templates(self) -> Iterator[dict[str, Any]]:
        """The pod template of every object that makes pods."""
        for item in self.objects:
            if item["kind"] in ("Deployment", "Job"):
                yield item["spec"]["template"]


def render(chart: Path, values: dict[str, Any]) -> Release:
    """What an install named demo in namespace prod would make."""
    with helm.Chart.load(chart) as loaded:
        files = loaded.render(values, name="demo", namespace="prod")
    notes = next(text for name, text in files.items() if name.endswith("NOTES.txt"))
    manifests = "\n---\n".join(text for name, text in files.items() if not name.endswith("NOTES.txt"))
    return Release(chart, values, notes, [item for item in yaml.safe_load_all(manifests) if item])


@pytest.fixture(params=EXAMPLES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def release(request: pytest.FixtureRequest) -> Release:
    """Each example of each chart in turn."""
    path: Path = request.param
    return render(path.parents[1], yaml.safe_load(path.read_text("utf-8")))


@pytest.fixture
def production() -> list[Release]:
    """Both charts with everything switched on."""
    examples = [path for path in EXAMPLES if path.name == "production-values.yaml"]
    return [render(path.parents[1], yaml.safe_load(path.read_text("utf-8"))) for path in examples]
