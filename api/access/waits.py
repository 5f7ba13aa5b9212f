"""How long the questions of who somebody is, where, and what they may do, ride out an API server that is away."""

WAITS = (0.2, 0.4, 0.8, 1.6, 2.5, 2.5)
"""Seconds, 8 in all as for the api's other reads: some clients give a task up after one failed poll."""
