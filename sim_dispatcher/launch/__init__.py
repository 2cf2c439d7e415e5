"""Launching: signed jobs into a stock LaunchPad, and out of it into the engines.

The dispatcher opens its ledger with `assembly.open_ledger`; `sim-dispatcher launch` runs a
`launcher.Launcher`. Nothing is imported here, so that the engine process stays light.
"""
