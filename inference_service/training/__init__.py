"""Simulated frames in, a trained ensemble out; never imported by serving code."""
