"""Slurm: which jobs go there, how they are submitted once, and what is done about those there.

Submission is FireWorks' own `qlaunch`, with site files that `sim-dispatcher batch init` writes;
`sim-dispatcher batch feed` calls the same code after checking signatures, and looks after what is
in the queue: it cancels, moves to the urgent partition, and brings back what vanished.
"""
