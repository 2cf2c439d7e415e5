"""Beside the HPC queue: picks defects, computes them, and sends the answers back."""
