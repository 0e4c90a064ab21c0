"""The demonstration: the whole chain on what this machine has, or on a folder of data."""
