"""The demo's supervisor: starts the loop's processes, watches them, leaves none behind."""
