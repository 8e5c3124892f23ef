"""Channels of type `ntfy`: push messages."""
