"""Owns `python -m cloud`, the same as `tezgah-cloud`."""

from shared.starting import for_good

with for_good():
    from cloud.cli import main

if __name__ == "__main__":
    main()
