"""One Protocol per file: what every implementation promises."""
