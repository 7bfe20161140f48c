"""Joining the reports of shards."""
