"""The eye: pixels in; atoms, species and honest error bars out. Pure functions on arrays.

A frame's way: `scale` measures the pixel size, `resample` brings the frame to the canonical
sampling, `engine` runs the ensemble of `model`, `decode` turns maps into candidates, `noise` and
`refine` fit them by physics, `species` names them, `ood` says how far to trust the frame, and
`pipeline` strings these together. Nothing here reads files other than the model's own, and
nothing imports torch.
"""
