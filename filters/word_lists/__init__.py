"""Lists of words and phrases by language, found in text by the rule of its script."""
