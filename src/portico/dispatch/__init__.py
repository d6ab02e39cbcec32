"""
The way of one request.

1. `api.chat` reads the body and makes a `ChatRequest` of it.
2. `api.replies` owns the exchange, watches the client, and hangs up when it leaves.
3. `Gateway.chat` admits it, plans its route, and tells the ledger once, whatever happens.
4. `routing.plan` says whom to ask, in order. Pure.
5. `Failover.open` asks the candidates in turn until one starts to answer.
6. `Exchange.start` makes one attempt, within its patience; the first delta is the point of no
   return.
7. `upstreams.X.open` speaks the provider's dialect over the target's egress path.
8. `Ledger.record` takes the whole story, and never waits.
"""
