"""Where a parent model comes from: one module a kind of source."""
