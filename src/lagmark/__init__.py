"""Real-time fraud detection that is honest about time."""

__all__ = ["__version__"]

__version__ = "0.1.0"
