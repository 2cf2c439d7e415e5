"""Levels of theory that are programs of their own: each runs as a child process in a folder."""
