"""How the questions of who somebody is, where, and what they may do, ride out that those who know are away."""

WAITS = (0.2, 0.4, 0.8)
"""Seconds between tries. Not more: a POST has to be done before its client sends it again."""
GRACE = 300.0
"""Seconds for which an earlier answer serves on while there is no new one: some clients give a task up after one failed
poll."""
