"""One process that owns the embedded ClickHouse (chDB) and speaks the ClickHouse HTTP protocol on the loopback.

statement.py  what a request asks: verb, where an insert's data begin, what a reader may not say
sessions.py   prepared chDB connections, one per (user, database, settings), kept for reuse
request.py    an HTTP request as values: user, statement, parameters, settings
execution.py  running one statement: streamed out, streamed in, cancelled when the client leaves
app.py        the ASGI application
__main__.py   the process
"""
