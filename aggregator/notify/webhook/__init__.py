"""Channels of type `webhook`: signed JSON by HTTP POST."""
