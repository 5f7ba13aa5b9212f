"""What two programs must agree on, and nothing else."""

VERSION = "0.1.0"
