"""The first hour: an entry for a model that nobody has described, and the local loop."""
