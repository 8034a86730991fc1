"""Domains: what one kind of data needs, as inert definitions."""
