"""MainWP's export of child sites (mainwp/mainwp, pages/page-mainwp-settings.php, `export_sites`): CSV, a row per WordPress site.

The file holds passwords in the clear; only the one for HTTP authentication is taken, by name.
"""

from collections.abc import Mapping
from pathlib import Path

from quivive.importing.monitors import Credentials, Monitor, Notes, as_flag
from quivive.importing.spreadsheets import Sheet, first_of, read_sheet

TYPE = "child site"


def read(path: Path) -> list[Monitor]:
    """Every site. Unreadable when the file is no CSV."""
    return [_monitor(row, number) for number, row in enumerate(read_sheet(path).rows, 1)]


def fits(sheet: Sheet) -> bool:
    return "url" in sheet.columns and bool({"admin_name", "security_id"} & set(sheet.columns))


def _monitor(row: Mapping[str, str], number: int) -> Monitor:
    url = row.get("url", "")
    name = first_of(row, "site_name", "name", "url") or f"row {number}"
    tags = tuple((tag.strip(), "") for tag in first_of(row, "tag", "tags", "group", "groups").split(",") if tag.strip())
    if not url:
        return Monitor(name=name, type=TYPE, tags=tags, refusal="it has no URL")
    notes = Notes()
    if row.get("verify_certificate") and not as_flag(row["verify_certificate"]):
        notes.change("its certificate is verified (was ignored)")
    user = row.get("http_username", "")
    return Monitor(
        name=name,
        type=TYPE,
        check={"url": url if "://" in url else f"https://{url}", "preset": "wordpress"},
        credentials=Credentials(row.get("http_password", ""), user) if user else None,
        tags=tags,
        changes=tuple(notes.changes),
        remarks=("every site gets `preset: wordpress`; its heartbeat `wp-cron` waits for a first call",),
    )
