"""What following 1, 100 and 10,000 tasks costs and how soon a change is told, by each strategy, in simulated time: `python -m bench.scale`.

timeline  time that jumps from one moment at which something is due to the next
aws       the relay's table, its stream and its queues, in memory
agent     an agent whose tasks change by that clock, and tells of them as the strategy asks
meter     what is counted
relay     the deployed functions between these, invoked as the template says
tasks     tasks that have been followed for a while
run       one strategy with so many tasks
chart     the tables and the drawing, from what the runs left
"""
