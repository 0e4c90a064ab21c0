"""Rewriters: each file edits the text of a document and returns the edits it made."""
