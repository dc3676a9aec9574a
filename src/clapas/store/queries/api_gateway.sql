-- name: add_application
-- A new application.
INSERT INTO application (name, description, owner, organisation, plan, communes, networks,
    attributes, decimals, delay)
VALUES (%(name)s, %(description)s, %(owner)s, %(organisation)s, %(plan)s, %(communes)s, %(networks)s,
    %(attributes)s, %(decimals)s, %(delay)s)
RETURNING id

-- name: applications
-- Applications, of one owner when asked.
SELECT id, name, description, owner, organisation, plan, communes, networks, attributes, decimals, delay, state, created
FROM application WHERE (%(all)s OR owner = %(owner)s) AND id > %(after)s ORDER BY id LIMIT %(limit)s

-- name: application
-- One application.
SELECT id, name, description, owner, organisation, plan, communes, networks, attributes, decimals, delay, state, created
FROM application WHERE id = %(id)s

-- name: set_application
-- Its plan, territory, networks and state.
UPDATE application SET plan = %(plan)s, communes = %(communes)s, networks = %(networks)s,
    attributes = %(attributes)s, decimals = %(decimals)s, delay = %(delay)s,
    state = %(state)s WHERE id = %(id)s

-- name: subscribe
-- Ask for a dataset; one living subscription per application and dataset.
INSERT INTO subscription (application, dataset, purpose, expires)
VALUES (%(application)s, %(dataset)s, %(purpose)s, %(expires)s)
ON CONFLICT DO NOTHING RETURNING id

-- name: subscriptions
-- Subscriptions of an application, or all those in a state.
SELECT id, application, dataset, purpose, state, expires, decided_by, decided, reason, created
FROM subscription
WHERE (%(every)s OR application = %(application)s) AND (%(state)s = '' OR state = %(state)s)
ORDER BY created DESC LIMIT 1000

-- name: decide
-- From one state to another, by somebody, with a reason.
UPDATE subscription SET state = %(state)s, decided_by = %(by)s, decided = now(), reason = %(reason)s,
    expires = coalesce(%(expires)s, expires)
WHERE id = %(id)s AND state = ANY(%(sources)s)
RETURNING application

-- name: live
-- Applications that may be served live, with their approved datasets.
SELECT a.id, a.name, a.communes, array_agg(s.dataset ORDER BY s.dataset), a.attributes, a.decimals, a.delay
FROM application a JOIN subscription s ON s.application = a.id
WHERE a.state = 'active' AND s.state = 'approved' AND (s.expires IS NULL OR s.expires > now())
GROUP BY a.id LIMIT 1000

-- name: spend
-- Add what this process counted, and tell what all processes counted together.
INSERT INTO quota_use AS q (subject, length, start, used)
SELECT subject, length, start, used
FROM json_to_recordset(%(rows)s::json) AS r (subject text, length integer, start bigint, used bigint)
ORDER BY subject, length, start
ON CONFLICT (subject, length, start) DO UPDATE SET used = q.used + excluded.used
RETURNING subject, length, start, used

-- name: forget_quotas
-- Windows that are over.
DELETE FROM quota_use WHERE start < %(before)s

-- name: add_usage
-- Add what was used.
INSERT INTO usage_day AS u (subject, day, kind, status, calls, bytes)
SELECT subject, day, kind, status, calls, bytes FROM json_to_recordset(%(rows)s::json)
    AS r (subject text, day date, kind text, status smallint, calls bigint, bytes bigint)
ORDER BY subject, day, kind, status
ON CONFLICT (subject, day, kind, status)
DO UPDATE SET calls = u.calls + excluded.calls, bytes = u.bytes + excluded.bytes

-- name: usage
-- What a subject used, newest days first.
SELECT day, kind, status, calls, bytes FROM usage_day
WHERE subject = %(subject)s AND day >= %(since)s ORDER BY day DESC, kind, status LIMIT 5000
