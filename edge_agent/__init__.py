"""Beside the microscope: acquires frames and streams them to the inference service.

Light enough for a Jetson: no torch, no web framework, no database.
"""
