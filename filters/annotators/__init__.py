"""Annotators: each file measures one family of signals and never drops a document."""
