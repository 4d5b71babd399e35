"""The machine: files written whole or not at all, disk, memory, and what a file is."""
