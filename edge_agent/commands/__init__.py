"""The commands of `edge-agent`, one module each, imported when called."""
