"""Write the tables of docs/operations.md that come from the code; with --check, fail when they are stale or a link is broken."""

import argparse
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from aggregator.settings import AggregatorSettings
from api.settings import ApiSettings
from probe_agent.settings import AgentSettings
from quivive.configuration.durations import format_duration
from quivive.settings import DatabaseSettings, ServiceSettings

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "operations.md"
SETTINGS: tuple[tuple[str, type[BaseSettings]], ...] = (
    ("all", ServiceSettings),
    ("aggregator, api", DatabaseSettings),
    ("agent", AgentSettings),
    ("aggregator", AggregatorSettings),
    ("api", ApiSettings),
)
METRICS = ("probe_agent.metrics", "aggregator.metrics", "api.metrics")


def settings_table() -> Iterator[str]:
    """A row per setting, in the order in which the classes declare them."""
    yield "| variable | read by | default | meaning |"
    yield "| --- | --- | --- | --- |"
    inherited = ServiceSettings.model_fields.keys() | DatabaseSettings.model_fields.keys()
    for services, kind in SETTINGS:
        for name, field in kind.model_fields.items():
            if name in inherited and kind not in (ServiceSettings, DatabaseSettings):
                continue
            default = "required" if field.default is PydanticUndefined else text_of(field.default)
            yield f"| `QUIVIVE_{name.upper()}` | {services} | {default} | {field.description} |"


def text_of(default: object) -> str:
    """A default as one would write it into the environment."""
    match default:
        case None | "" | () | []:
            return "–"
        case bool():
            return f"`{str(default).lower()}`"
        case timedelta():
            return f"`{format_duration(default)}`"
        case SecretStr():
            raise ValueError("a secret has no default")
        case tuple() | list() | frozenset():
            return f"`{','.join(map(str, default))}`"
        case _:
            return f"`{default}`"


def metrics_table() -> Iterator[str]:
    """A row per metric that the services export."""
    yield "| metric | labels | meaning |"
    yield "| --- | --- | --- |"
    for module in METRICS:
        for metric in vars(import_module(module)).values():
            if isinstance(metric, MetricWrapperBase):
                (family,) = metric.describe()
                name = family.name + ("_total" if family.type == "counter" else "")
                labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "–"
                yield f"| `{name}` | {labels} | {family.documentation.rstrip('.')} ({family.type}) |"


def rendered(page: str) -> str:
    """The page with its tables renewed."""
    for name, table in (("settings", settings_table()), ("metrics", metrics_table())):
        marked = re.compile(rf"(<!-- {name}: from the code -->\n).*?(<!-- end -->)", re.DOTALL)
        body = "\n".join(table)
        page, count = marked.subn(lambda match, body=body: f"{match[1]}{body}\n{match[2]}", page)
        if count != 1:
            raise SystemExit(f"{PAGE.name} has {count} places for the table of {name}, not one")
    return page


def broken_links() -> Iterator[str]:
    """Links from our pages to files or headings that are not there; other sites are not asked."""
    pages = [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
    ]
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            path, _, anchor = target.partition("#")
            if ":" in path:
                continue
            file = page.parent / path if path else page
            if not file.exists() or (anchor and anchor not in anchors(file)):
                yield f"{page.relative_to(ROOT)}: {target}"


def anchors(page: Path) -> set[str]:
    """What a page's headings can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    page = PAGE.read_text("utf-8")
    fresh = rendered(page)
    if not check:
        PAGE.write_text(fresh, "utf-8")
    elif fresh != page:
        sys.exit("docs/operations.md is stale, run `make docs`")
    elif broken := list(broken_links()):
        sys.exit("broken links:\n" + "\n".join(broken))


if __name__ == "__main__":
    main()
