"""The fleet on one screen: how many are how, the worst sites, the open incidents, what happened last."""

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from quivive.cli.fleet import Fleet, line_of
from quivive.cli.output import STYLES, Record, cell

MOST_INCIDENTS, MOST_EVENTS = 8, 6


def view(fleet: Fleet, height: int) -> RenderableType:
    """As much as `height` lines hold; sites that are well give way first."""
    incidents = sorted(fleet.incidents.values(), key=lambda record: record["start_time"] or "", reverse=True)
    events = list(fleet.events)[-MOST_EVENTS:]
    shown_incidents = incidents[:MOST_INCIDENTS]
    taken = 4 + (len(shown_incidents) + 2 if incidents else 0) + (len(events) + 1 if events else 0)
    sites = fleet.worst_first()
    room = max(height - taken - 1, 3)
    parts: list[RenderableType] = [_head(fleet), _sites(sites[:room])]
    if len(sites) > room:
        parts.append(Text(f"and {len(sites) - room} more", "dim"))
    if incidents:
        parts += [Rule(f"{len(incidents)} open", align="left", style="red"), _incidents(shown_incidents)]
    if events:
        parts += [Rule("last", align="left", style="dim"), *(line_of(event) for event in events)]
    return Group(*parts)


def _head(fleet: Fleet) -> Text:
    head = Text(f"{len(fleet.sites)} sites  ", "bold")
    for state, number in fleet.counts().items():
        head.append(f"{number} {state}  ", STYLES.get(state, ""))
    if not fleet.complete:
        head.append("loading …", "dim")
    if fleet.trouble:
        head.append(fleet.trouble, "bold yellow")
    return head.append("\n")


def _sites(sites: list[Record]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, expand=True)
    for column in ("SITE", "STATE", "SINCE", "CUSTOMER", "URL"):
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for site in sites:
        table.add_row(
            cell(site["name"].removeprefix("sites/")),
            cell(site["state"]),
            cell(site["state_time"]),
            cell(site["customer"].removeprefix("customers/")),
            cell(site["url"]),
        )
    return table


def _incidents(incidents: list[Record]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for record in incidents:
        table.add_row(
            cell(record["start_time"]),
            cell(record["site"].removeprefix("sites/")),
            cell(record["cause"]),
            Text("acknowledged", "green") if record["acknowledge_time"] else Text("unacknowledged", "bold red"),
            cell(record["detail"]),
        )
    return table
