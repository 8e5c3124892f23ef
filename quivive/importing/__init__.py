"""Reads what other tools watch, and says it as a configuration of ours.

Each source has a module that yields a `Monitor` per entry, taken or refused with a reason; `sites.py` makes the configuration of
them, and `summary.py` says what became of each.
"""

from quivive.importing.monitors import Monitor, Unreadable
from quivive.importing.sites import Imported, Wishes, build
from quivive.importing.sources import SOURCES, read

__all__ = ["SOURCES", "Imported", "Monitor", "Unreadable", "Wishes", "build", "read"]
