"""`python -m simulators`: the same as `tezgah-sim`."""

from simulators.cli import main

if __name__ == "__main__":
    main()
