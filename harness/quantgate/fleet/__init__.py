"""Fleets of machines: which of them judges which models, and the processes in which they do."""
