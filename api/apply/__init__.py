"""Applying a configuration: read what there is, check references, plan the changes as pure data, carry them out at once."""
