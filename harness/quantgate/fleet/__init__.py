"""Fleets of machines: which of them judges which models."""
