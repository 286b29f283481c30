"""Lets `python -m edge` stand for tezgah-edge."""

from shared.starting import for_good

with for_good():
    from edge.cli.app import main

if __name__ == "__main__":
    main()
