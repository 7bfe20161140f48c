"""NNCF and OpenVINO live here: quantize, run, time, profile."""
