"""Quadrilaterals: regions of text, and boxes that are turned."""
