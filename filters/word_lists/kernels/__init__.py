"""Compiled: words of a text looked up in lists."""
