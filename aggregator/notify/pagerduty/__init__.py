"""Channels of type `pagerduty`: alerts by the Events API v2."""
