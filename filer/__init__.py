"""Moves the files of one task between its scratch volume and remote storage."""
