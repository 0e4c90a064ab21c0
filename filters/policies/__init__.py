"""Policies: named, ordered rules over signals, one cited YAML file per published filter set."""
