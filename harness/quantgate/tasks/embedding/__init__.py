"""Embeddings: vectors by which faces, persons, vehicles, places are told apart and found again."""
