"""The built-in data and models: handwritten digits in scenes, and networks trained on them."""
