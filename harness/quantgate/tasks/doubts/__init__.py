"""Whether annotations and the parent speak of the same images and classes: suspicions, no verdicts."""
