"""Stages: Beam transforms that join sources, annotators, policies and writers into a run."""
