"""The live view: one binary message per frame and its atoms, paced by each viewer's credit."""
