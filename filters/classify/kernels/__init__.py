"""Compiled parts of the classifiers, over the UTF-8 buffers of Arrow columns."""
