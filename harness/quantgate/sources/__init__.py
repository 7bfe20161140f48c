"""Where a parent model comes from: one module a kind of source."""

from quantgate.telemetry import silence

silence()  # before any module of this room imports OpenVINO
