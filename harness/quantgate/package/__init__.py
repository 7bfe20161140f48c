"""The deliverable: a folder with the model, what feeds and reads it, its card and its certificate."""
