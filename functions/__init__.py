"""The entry points: one file is one Lambda function. Thin: parse the event, call a use case, shape the answer."""
