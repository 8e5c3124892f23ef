"""Quivive: the language its services share, and the `quivive` command."""

__version__ = "0.1.0"
