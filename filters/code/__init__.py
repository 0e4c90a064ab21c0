"""What is true of source files: made by a machine, other people's, data, and what they import."""
