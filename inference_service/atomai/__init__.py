"""AtomAI as a citizen: its models served, its way of labelling and training followed.

AtomAI lives in an environment of its own and is only ever called as a process (`worker`): its
installation replaces PyTorch and its import takes seconds. What comes back are arrays and ONNX
files, which the live service runs without it.
"""
