"""Detection and instance segmentation: objects in boxes, with or without masks."""
