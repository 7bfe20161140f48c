"""Semantic segmentation: one class a pixel."""
