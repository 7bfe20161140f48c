"""Darknet networks (cfg and weights), imported as OpenVINO operations."""

from harness.sources.darknet.decoding import decoder_of
from harness.sources.darknet.heads import DarknetHead
from harness.sources.darknet.importer import DarknetModel, import_darknet

__all__ = ["DarknetHead", "DarknetModel", "decoder_of", "import_darknet"]
