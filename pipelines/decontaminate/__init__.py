"""Decontamination: finds what a corpus shares with evaluation sets, and where."""
