"""Channels of type `slack`: messages that change in place, with a button that acknowledges."""
