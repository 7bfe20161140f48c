"""Pure arithmetic: numpy and scipy, no files, no clocks, no foreign model libraries."""
