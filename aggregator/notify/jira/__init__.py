"""Channels of type `jira`: alerts of Jira Service Management operations."""
