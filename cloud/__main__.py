"""Owns `python -m cloud`, the same as `tezgah-cloud`."""

from cloud.cli import main

main()
