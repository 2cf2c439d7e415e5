"""What runs inside AtomAI's own environment, started as `python -m worker`; nothing imports it.

Requests come as JSON lines on standard input, answers leave as JSON lines on standard output, and
arrays travel as `.npz` files read without pickle. Whatever AtomAI prints goes to standard error.
"""
