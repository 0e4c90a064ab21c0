"""Recipes: the YAML files that come with Castor, found by name, and their typed reader."""
