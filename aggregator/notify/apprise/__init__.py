"""Channels of type `apprise`: telephone calls, SMS, and the long tail of services."""
