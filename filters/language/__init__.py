"""Which language a text is in: naive Bayes over runs of letters, in one compiled pass."""
