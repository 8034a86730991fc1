"""Load on a running service: what it answers, how fast, and how well."""
