"""Compiled loops of the language identifier, and the tables that they read."""
