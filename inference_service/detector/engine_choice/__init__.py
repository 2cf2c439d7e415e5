"""Which engine serves: measured on built-in frames for accuracy and speed, and remembered."""
