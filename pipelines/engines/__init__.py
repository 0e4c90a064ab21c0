"""Engines: how one pipeline runs on this machine, on Dataflow, and elsewhere."""
