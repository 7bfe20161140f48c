"""Darknet networks (cfg and weights), imported as OpenVINO operations."""
