"""The reporting views as docs/views.md promises them, and how to ask a database for its own."""

import re
from pathlib import Path

COLUMNS = """
SELECT r.relname, array_agg(a.attname || ' ' || format_type(a.atttypid, NULL) ORDER BY a.attnum)
FROM pg_class AS r JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0
WHERE r.relnamespace = 'quivive_report'::regnamespace AND r.relkind = 'v'
GROUP BY r.relname
"""
SHORT = {"timestamptz": "timestamp with time zone", "float8": "double precision"}


def documented(root: Path) -> dict[str, list[str]]:
    """Columns with their types, by view."""
    views = {}
    for line in (root / "docs" / "views.md").read_text("utf-8").splitlines():
        if match := re.fullmatch(r"\| `(\w+_v\d+)` \| [^|]+ \| (.+) \|", line):
            columns = re.findall(r"`(\w+)` ([\w\[\]]+)", match[2])
            views[match[1]] = [f"{name} {SHORT.get(kind, kind)}" for name, kind in columns]
    return views
