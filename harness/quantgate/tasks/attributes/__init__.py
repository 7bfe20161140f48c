"""Attributes: several heads of one model, classes, labels and values, each judged by itself."""
