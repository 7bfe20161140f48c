"""Darknet networks (cfg and weights), imported as OpenVINO operations."""

from quantgate.sources.darknet.decoding import decoder_of
from quantgate.sources.darknet.heads import DarknetHead
from quantgate.sources.darknet.importer import DarknetModel, import_darknet

__all__ = ["DarknetHead", "DarknetModel", "decoder_of", "import_darknet"]
