"""Lines of texts: what each is, and a number for what it says."""
