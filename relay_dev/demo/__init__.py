"""`relay demo`: everything at once on one machine, watched as it happens. Its agent and client serve the end-to-end tests too."""

from relay_dev.demo.main import add_arguments, run

__all__ = ["add_arguments", "run"]
