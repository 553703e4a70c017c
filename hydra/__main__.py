"""`python -m hydra` is the command `hydra`."""

from hydra.cli import main

if __name__ == "__main__":
    main()
