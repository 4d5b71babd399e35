"""Runs the command line as `python -m w2v`."""

from w2v.cli.main import main

if __name__ == "__main__":
    main(prog_name="w2v")
