"""Lets `python -m edge` stand for tezgah-edge."""

from edge.cli.app import main

if __name__ == "__main__":
    main()
