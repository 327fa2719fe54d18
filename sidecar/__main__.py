"""`python -m sidecar` is `sidetrakt`."""

from sidecar.cli import main

if __name__ == "__main__":
    main()
