"""The main path of a message, and its replay."""
