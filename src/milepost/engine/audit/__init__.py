"""Checks and proofs over sealed audit logs: they need to read, the public key and the anchors, and nothing else."""
