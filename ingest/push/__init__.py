"""Signed webhooks in: senders push stories to `POST /v1/push/SOURCE`, and 2xx means that the bus has them.

protocol   bounds connections and the time that a request may take to arrive
app        one request: read with a cap, check the signature, the quota, then the desk
message    a body as stories and rejects (pure)
desk       one thread that publishes what is waiting, a turn at a time, and answers all of it
settle     a turn: one transaction around one publish
"""
