"""Serve networks that paint: every pixel a probability of each class, as AtomAI trains them."""
