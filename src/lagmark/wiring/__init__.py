"""The one place that reads settings and the environment, and picks backends from them."""

from __future__ import annotations

from lagmark.wiring.configuration import home_directory, load_settings
from lagmark.wiring.home import Home, default_threads

__all__ = ["Home", "default_threads", "home_directory", "load_settings"]
