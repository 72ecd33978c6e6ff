"""What is claimed about speed and isolation, and how to measure it again; what the numbers mean is in bench/README.md.

    python -m bench.deliver      the deliver function alone: notifications per second, latency, CPU, AWS requests
    python -m bench.isolation    receivers that answer, with and without as many that hang
    python -m bench.latency      from a change at the agent to the POST, by poll interval

The first two stand on `stage`: processes of their own for AWS (`aws`: a table, queues and keys in memory) and for the receivers, so that
neither's work is counted as the relay's. The third is `relay dev` itself.
"""
