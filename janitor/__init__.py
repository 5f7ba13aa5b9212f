"""The backstop for tasks whose taskmaster died, never came, or left something behind."""
