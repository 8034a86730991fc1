"""The feature kernel: exact logs in flat integer memory, and one step that both drivers call."""

__all__: list[str] = []
