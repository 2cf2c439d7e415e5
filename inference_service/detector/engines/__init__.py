"""What can run an ensemble: one engine per file, a registry of them, a gate that chooses."""
