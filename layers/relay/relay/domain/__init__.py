"""Pure decisions of the relay: stdlib and pydantic only; no clock, environment, randomness, logging or I/O."""
