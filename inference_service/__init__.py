"""On the GPU host (a CPU serves too): frames in, atoms with honest error bars out.

Also the operator's single web origin: REST, live view and dashboard.
"""
