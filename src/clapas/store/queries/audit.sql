-- name: lock
-- One writer at a time, until the end of the transaction.
SELECT pg_advisory_xact_lock(4150051)

-- name: head
-- The last event's number and hash.
SELECT seq, hash FROM audit_event ORDER BY seq DESC LIMIT 1

-- name: add
-- The next events.
INSERT INTO audit_event (seq, t, who, what, event, hash)
SELECT seq, t, who, what, event, decode(hash, 'hex')
FROM json_to_recordset(%(rows)s::json)
    AS r (seq bigint, t timestamptz, who text, what text, event text, hash text)

-- name: after
-- Events in their order, after a number.
SELECT seq, event, hash FROM audit_event WHERE seq > %(after)s ORDER BY seq LIMIT %(limit)s

-- name: latest
-- The newest events, before a number, of somebody or about something when asked.
SELECT seq, event, hash FROM audit_event
WHERE (%(before)s = 0 OR seq < %(before)s)
  AND (%(who)s = '' OR who = %(who)s) AND (%(what)s = '' OR what = %(what)s)
ORDER BY seq DESC LIMIT %(limit)s
