"""Aggregations: one file each, its definition and the function that reads it."""

__all__: list[str] = []
