"""The HTTP API: everything but the hot route, which stands in front of it."""
