"""The relay's layer: everything the functions share.

The map of the house, in the order imports may run (checked by import-linter):

    functions          entry points: parse the event, call a use case, shape the answer
    relay.wiring       builds the use cases
    relay.delivering   likewise: those that send notifications
    relay.doors        likewise: those that admit callers and reporters
    relay.outside      builds the adapters; the only place that makes AWS clients
    relay.use_cases    one file per verb; orders the steps
    relay.adapters     one file per outside thing; translates, never decides; adapters do not import each other
    relay.domain       pure decisions: no clock, environment, randomness, logging, I/O

The one idea: a task is a log of revisions; a push config is a cursor over that log. The table is the truth, messages are the fast path.
"""

__version__ = "0.1.0"
