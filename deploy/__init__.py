"""The house around the services: set-up, the demo's supervisor, benchmarks, deployment files."""
