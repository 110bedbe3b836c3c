"""Readers and writers: one of each for every kind of file."""
