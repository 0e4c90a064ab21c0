"""Decoders and measures for images, audio and video, each inside the one file that owns it."""
