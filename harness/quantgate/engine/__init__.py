"""NNCF and OpenVINO live here: quantize, run, time, profile."""

from quantgate.telemetry import silence

silence()  # before any module of this room imports them
