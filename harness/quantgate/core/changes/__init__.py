"""When a series of judged numbers moved, by how much, and whether the machine moved under it."""
