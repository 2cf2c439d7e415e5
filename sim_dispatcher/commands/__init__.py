"""The commands of `sim-dispatcher`, one module each; `cli` finds them by name."""
