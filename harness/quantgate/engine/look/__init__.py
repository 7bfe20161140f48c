"""A look at the parent before anything is quantized."""
