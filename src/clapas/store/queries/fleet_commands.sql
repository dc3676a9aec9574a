-- name: add
-- Commands wait in the queue, or for a second person.
INSERT INTO device_command (key, name, f_port, payload, object, confirmed, state, not_before, expires,
                            longest_s, expect, opposite, actor)
SELECT k, %(name)s, %(f_port)s, %(payload)s, %(object)s::jsonb, %(confirmed)s, %(state)s, %(not_before)s,
       %(expires)s, %(longest_s)s, %(expect)s::jsonb, %(opposite)s, %(actor)s
FROM unnest(%(keys)s::text[]) AS k
RETURNING id

-- name: list
-- A page of commands, the newest first.
SELECT c.id, c.key, c.name, c.f_port, c.payload, c.object, c.confirmed, c.state, c.detail, c.reference,
       c.not_before, c.expires, c.longest_s, c.expect, c.opposite, c.actor, c.approver, c.created,
       c.sent, c.ended
FROM device_command c
LEFT JOIN device d ON d.key = c.key
WHERE c.id < %(before)s AND (%(id)s = 0 OR c.id = %(id)s) AND (%(key)s = '' OR c.key = %(key)s)
  AND (%(state)s = '' OR c.state = %(state)s)
  AND /*rows d.dataset, d.commune*/
ORDER BY c.id DESC LIMIT %(limit)s

-- name: approve
-- A second person agrees: never the one who asked.
UPDATE device_command SET state = 'queued', approver = %(approver)s
WHERE id = %(id)s AND state = 'to_approve' AND actor <> %(approver)s AND expires > now()

-- name: refuse
-- A second person refuses, or the one who asked withdraws.
UPDATE device_command SET state = %(state)s, approver = %(approver)s, ended = now()
WHERE id = %(id)s AND state IN ('to_approve', 'queued')

-- name: take
-- Commands whose time has come leave the queue before they are sent: never twice.
UPDATE device_command SET state = 'sent', sent = now(), reference = gen_random_uuid()::text
WHERE id IN (
    SELECT id FROM device_command
    WHERE state = 'queued' AND not_before <= now() AND expires > now()
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id, key, name, f_port, payload, object, confirmed, state, detail, reference, not_before,
          expires, longest_s, expect, opposite, actor, approver, created, sent, ended

-- name: mark
-- What became of a command that was sent.
UPDATE device_command
SET state = %(state)s, detail = %(detail)s,
    ended = CASE WHEN %(state)s IN ('confirmed', 'failed', 'expired') THEN now() END
WHERE id = %(id)s AND state IN ('sent', 'acked')

-- name: requeue
-- The network did not answer: again, a little later.
UPDATE device_command SET state = 'queued', detail = %(detail)s, not_before = now() + interval '10 seconds'
WHERE id = %(id)s AND state = 'sent'

-- name: expire
-- Too late: waiting commands are never sent, sent ones were never answered.
UPDATE device_command SET state = 'expired', ended = now()
WHERE state IN ('to_approve', 'queued', 'sent', 'acked') AND expires <= now()
  AND NOT (state IN ('sent', 'acked') AND NOT confirmed AND expect IS NULL)

-- name: expecting
-- Sent commands whose effect is to be seen in a measurement.
SELECT id, key, expect, sent FROM device_command
WHERE state IN ('sent', 'acked') AND expect IS NOT NULL ORDER BY id LIMIT 1000

-- name: undo_earlier
-- A closing that was planned for an earlier opening gives way to the newer one.
UPDATE device_command SET state = 'cancelled', detail = 'replaced', ended = now()
WHERE key = %(key)s AND state = 'queued' AND opposite IS NOT NULL AND opposite <> %(id)s

-- name: schedules
-- Schedules by number.
SELECT id, label, target, command, timing, enabled, actor, next FROM device_schedule ORDER BY id

-- name: add_schedule
-- A new schedule.
INSERT INTO device_schedule (label, target, command, timing, actor, next)
VALUES (%(label)s, %(target)s::jsonb, %(command)s::jsonb, %(timing)s::jsonb, %(actor)s, %(next)s)
RETURNING id

-- name: plan_next
-- When a schedule acts next; only one worker moves it on.
UPDATE device_schedule SET next = %(next)s WHERE id = %(id)s AND next IS NOT DISTINCT FROM %(was)s

-- name: remove_schedule
-- Forget a schedule.
DELETE FROM device_schedule WHERE id = %(id)s

-- name: waiting
-- Sent commands about which a network may still answer.
SELECT id, key, name, f_port, payload, object, confirmed, state, detail, reference, not_before, expires,
       longest_s, expect, opposite, actor, approver, created, sent, ended
FROM device_command
WHERE state IN ('sent', 'acked') AND sent > now() - interval '2 days' ORDER BY id DESC LIMIT 2000
