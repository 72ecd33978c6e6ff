"""One file per verb: each orders the steps of one unit of work and leaves every decision to the domain."""
