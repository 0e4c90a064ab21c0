"""Compiled: one pass over the bytes of a text column that finds what may be personal data."""
