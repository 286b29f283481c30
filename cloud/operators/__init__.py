"""Operators: who works at the machines."""
