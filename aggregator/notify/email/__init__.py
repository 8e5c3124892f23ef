"""Channels of type `email`: plain text and HTML by SMTP."""
