"""Lets `python -m edge` stand for tezgah-edge."""

from edge.cli import main

if __name__ == "__main__":
    main()
