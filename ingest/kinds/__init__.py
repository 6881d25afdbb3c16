"""The kinds of sources that are polled: which address to ask, how its bytes become entries, how often it may be asked.

One file a kind, all under `port.Kind` and one contract suite; `catalogue` lists them.
"""
