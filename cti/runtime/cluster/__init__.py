"""Processes that share the work of one platform: calls here, their distribution there."""
