"""quantgate: a pytest-style regression harness for quantized vision models."""

__version__ = "0.1.0"
