"""Admission of tasks: checks a new task's ConfigMap, stamps it, and launches its taskmaster."""
