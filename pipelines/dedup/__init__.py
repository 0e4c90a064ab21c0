"""Duplicates: exact and near, found by signatures, verified, and named in every removed row."""
