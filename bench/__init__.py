"""Benchmarks: each measures a hot path beside a baseline in the same run, and prints the ratio."""
