-- name: add
-- Notices that wait to be sent.
INSERT INTO notice (alarm, kind, step, person, channel, address, subject, body, link, created, due, state, sent, digest)
SELECT alarm, kind, step, person, channel, address, subject, body, link, created, due,
       CASE WHEN channel = 'inbox' AND step = 0 THEN 'sent' ELSE 'queued' END,
       CASE WHEN channel = 'inbox' AND step = 0 THEN created END, digest
FROM json_to_recordset(%(rows)s::json)
    AS n (alarm bigint, kind text, step integer, person text, channel text, address text,
          subject text, body text, link text, created bigint, due bigint, digest boolean)

-- name: due
-- What a channel must send now; what nobody needs any more is left to "cancel".
SELECT n.id, n.alarm, n.kind, n.step, n.person, n.channel, n.address, n.subject, n.body, n.link,
       n.created, n.due, n.state, n.attempts, n.error, n.sent, n.read, n.digest
FROM notice n
WHERE n.channel = %(channel)s AND n.state = 'queued' AND n.due <= %(now)s
ORDER BY n.due, n.id LIMIT %(limit)s

-- name: fail_closed
-- What waits for a channel that is not open.
UPDATE notice SET state = 'failed', error = 'this channel is not open here'
WHERE state = 'queued' AND NOT channel = ANY(%(channels)s)

-- name: cancel
-- Escalations of alarms that somebody took, that are over, or that are masked now.
UPDATE notice n SET state = 'cancelled'
FROM alarm a
WHERE a.id = n.alarm AND n.state = 'queued' AND n.due <= %(now)s
  AND ((n.step > 0 AND (a.acknowledged IS NOT NULL OR NOT a.active OR a.masked <> ''))
       OR (n.kind = 'raised' AND a.closed IS NOT NULL))

-- name: resume
-- What was not told because somebody closed the alarm waits again: it was reopened.
UPDATE notice SET state = 'queued', due = greatest(due, %(now)s)
WHERE alarm = %(alarm)s AND state = 'cancelled' AND (due >= %(since)s OR step = 0)

-- name: sent
-- They arrived.
UPDATE notice SET state = %(state)s, sent = %(now)s, attempts = attempts + 1, error = ''
WHERE id = ANY(%(ids)s)

-- name: retry
-- It did not arrive: again later, or never more.
UPDATE notice SET attempts = attempts + 1, error = %(error)s, due = %(due)s,
       state = CASE WHEN %(last)s THEN 'failed' ELSE 'queued' END
WHERE id = ANY(%(ids)s)

-- name: of_alarm
-- Who was told of an alarm, when, delivered or not.
SELECT id, alarm, kind, step, person, channel, address, subject, body, link, created, due, state,
       attempts, error, sent, read, digest
FROM notice WHERE alarm = %(alarm)s ORDER BY id LIMIT 500

-- name: inbox
-- What a person was told in the page, newest first.
SELECT id, alarm, kind, step, person, channel, address, subject, body, link, created, due, state,
       attempts, error, sent, read, digest
FROM notice
WHERE person = %(person)s AND channel = 'inbox' AND state = 'sent'
  AND (NOT %(unread)s OR read IS NULL) AND (%(before)s::bigint IS NULL OR id < %(before)s::bigint)
ORDER BY id DESC LIMIT %(limit)s

-- name: unread
-- How many were not read.
SELECT count(*) FROM notice
WHERE person = %(person)s AND channel = 'inbox' AND state = 'sent' AND read IS NULL

-- name: read
-- They were read (an empty list: all of them).
UPDATE notice SET read = %(now)s
WHERE person = %(person)s AND channel = 'inbox' AND read IS NULL
  AND (%(everything)s OR id = ANY(%(ids)s))

-- name: recent
-- How many a person was sent since then.
SELECT person, count(*) FROM notice
WHERE person = ANY(%(persons)s) AND created >= %(since)s AND channel <> 'inbox' AND NOT digest
GROUP BY person

-- name: channels
-- Channels with something to send, how many wait, how many failed and the last error.
SELECT channel, count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'failed'),
       count(*) FILTER (WHERE state = 'sent'),
       coalesce((array_agg(error ORDER BY id DESC) FILTER (WHERE error <> ''))[1], '')
FROM notice GROUP BY channel ORDER BY channel

-- name: contacts
-- How people are told.
SELECT person, language, body FROM contact WHERE %(person)s = '' OR person = %(person)s
ORDER BY person LIMIT 10000

-- name: save_contact
-- How one person is told.
INSERT INTO contact (person, language, body) VALUES (%(person)s, %(language)s, %(body)s::jsonb)
ON CONFLICT (person) DO UPDATE SET language = excluded.language, body = excluded.body

-- name: plans
-- Escalation chains or on-call calendars.
SELECT id, body FROM notify_plan WHERE kind = %(kind)s ORDER BY id LIMIT 1000

-- name: save_plan
-- One chain or calendar.
INSERT INTO notify_plan (kind, id, body) VALUES (%(kind)s, %(id)s, %(body)s::jsonb)
ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body

-- name: remove_plan
-- Remove one chain or calendar.
DELETE FROM notify_plan WHERE kind = %(kind)s AND id = %(id)s

-- name: people
-- Accounts that may sign in, or these whatever became of them: login, shown name, channels.
SELECT a.id::text, a.login, coalesce(nullif(a.name, ''), a.login),
       ARRAY(SELECT jsonb_object_keys(coalesce(c.body -> 'channels', '{}')))
FROM account a LEFT JOIN contact c ON c.person = a.id::text
WHERE (%(every)s AND a.enabled) OR a.id::text = ANY(%(ids)s)
ORDER BY 3, 1 LIMIT 10000

-- name: person
-- The account of an id or of a login.
SELECT id::text FROM account WHERE enabled AND (id::text = %(name)s OR lower(login) = lower(%(name)s))
