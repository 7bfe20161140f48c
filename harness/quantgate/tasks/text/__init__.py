"""Text: the string that a picture of a word or a line reads."""
