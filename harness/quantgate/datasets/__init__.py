"""Images with their truth: every kind of dataset becomes one frozen list of samples."""
