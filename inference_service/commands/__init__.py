"""The commands of `inference-service`, one module each; `cli` only registers them."""
