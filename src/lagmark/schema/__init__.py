"""Typed records that every layer shares."""
