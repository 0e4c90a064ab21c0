"""Compiled: the lines of lists, and the hash of an entry."""
