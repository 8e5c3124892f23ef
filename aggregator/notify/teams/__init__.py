"""Channels of type `teams`: Adaptive Cards by a workflow's webhook."""
