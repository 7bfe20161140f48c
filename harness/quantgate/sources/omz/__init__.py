"""Open Model Zoo: fetched by openvino-dev's own tools, fed and decoded as its own files say."""

from quantgate.sources.omz.fetch import OmzPlan, fetch_omz
from quantgate.sources.omz.index import OmzModel, find_model, load_index

__all__ = ["OmzModel", "OmzPlan", "fetch_omz", "find_model", "load_index"]
