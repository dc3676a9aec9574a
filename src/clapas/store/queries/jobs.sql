-- name: add
-- A new job waits its turn.
INSERT INTO job (kind, subject, args, actor)
VALUES (%(kind)s, %(subject)s, %(args)s::jsonb, %(actor)s) RETURNING id

-- name: add_due
-- A repeated job, when none of its kind is open and the last one is old enough.
INSERT INTO job (kind, actor)
SELECT %(kind)s, 'system'
WHERE NOT EXISTS (
    SELECT FROM job WHERE kind = %(kind)s
      AND (state IN ('queued', 'running') OR created > now() - make_interval(secs => %(every_s)s)))

-- name: take
-- The oldest waiting job of these kinds, or one whose worker fell silent.
UPDATE job SET state = 'running', started = coalesce(started, now()), beat = now(),
               attempts = attempts + 1
WHERE id = (
    SELECT id FROM job
    WHERE kind = ANY(%(kinds)s)
      AND (state = 'queued' OR (state = 'running' AND beat < now() - make_interval(secs => %(lost_s)s)))
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, kind, subject, args, state, done, total, failures, result, error, attempts, actor,
          created, started, finished

-- name: beat
-- The worker lives; how far it is, and whether somebody wants it to stop.
UPDATE job SET beat = now(), done = coalesce(%(done)s, done), total = coalesce(%(total)s, total)
WHERE id = %(id)s AND state = 'running' RETURNING stopping

-- name: finish
-- The end of a job.
UPDATE job SET state = %(state)s, result = %(result)s::jsonb, error = %(error)s, finished = now()
WHERE id = %(id)s AND state = 'running'

-- name: stop
-- Somebody wants a job to stop: a waiting one is cancelled at once.
UPDATE job SET stopping = true,
               state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,
               finished = CASE WHEN state = 'queued' THEN now() END
WHERE id = %(id)s AND state IN ('queued', 'running')

-- name: note
-- What became of some things that a job worked on.
WITH kept AS (
    INSERT INTO job_item (job, key, ok, detail)
    SELECT %(id)s, key, ok, detail
    FROM json_to_recordset(%(items)s::json) AS n (key text, ok boolean, detail text)
    ON CONFLICT (job, key) DO UPDATE SET ok = excluded.ok, detail = excluded.detail
    RETURNING ok
)
UPDATE job SET failures = failures + (SELECT count(*) FROM kept WHERE NOT ok) WHERE id = %(id)s

-- name: items
-- A page of a job's results by key.
SELECT key, ok, detail FROM job_item
WHERE job = %(id)s AND key > %(after)s AND (NOT %(failed)s OR NOT ok)
ORDER BY key LIMIT %(limit)s

-- name: jobs
-- A page of jobs, the newest first; what they were asked (maybe 100,000 keys) stays out.
SELECT id, kind, subject, '{}'::jsonb, state, done, total, failures, result, error, attempts, actor,
       created, started, finished
FROM job
WHERE id < %(before)s AND (%(id)s = 0 OR id = %(id)s) AND (%(kind)s = '' OR kind = %(kind)s)
  AND (%(own)s OR actor <> 'system')
ORDER BY id DESC LIMIT %(limit)s

-- name: purge
-- Old jobs are forgotten.
DELETE FROM job WHERE finished < now() - make_interval(days => %(days)s)
