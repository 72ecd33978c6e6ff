"""RelayTable: one module per kind of item. Every read that can conclude "nothing to do" is strongly consistent, on the table.

    connection   the client, conditions that fail, pages, unprocessed keys
    items        how moments, numbers and sets are written
    revisions    REVISION#    configs   PUSH#     cursors   CURSOR#    watches   WATCH
    attempts     ATTEMPT#     dead_letters  DEAD#     agents    AGENT#     relay_keys  KEY#

Every item carries `v`; every time is epoch seconds with milliseconds; `ttl` is whole seconds.
"""
