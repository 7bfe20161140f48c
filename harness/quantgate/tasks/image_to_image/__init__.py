"""Image to image: pictures judged by their likeness."""
