"""What is measured of a block of text, and which blocks are the main text."""
