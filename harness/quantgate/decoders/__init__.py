"""Raw output tensors → predictions: one module a decoder, listed in one visible union."""
