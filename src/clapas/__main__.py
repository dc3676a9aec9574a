"""``python -m clapas`` is the program ``clapas``."""

from clapas.cli import main

if __name__ == "__main__":
    main()
