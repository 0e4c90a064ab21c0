"""Ablations of mixtures: swarm, laws, bootstrap, proposal, verdict; what trains is in model."""
