"""The pipeline as functions, one job per file; commands and schedulers call the same ones."""
