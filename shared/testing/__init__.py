"""Fakes, builders and conformance kits for tests; never imported at run time."""
