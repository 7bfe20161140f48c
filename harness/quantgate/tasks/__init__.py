"""Tasks: how predictions are kept, scored and compared; one module a task."""
