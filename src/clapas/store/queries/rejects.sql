-- name: keep
-- A batch of rejects; the same (log, sequence) is one reject, whose reason is the latest.
INSERT INTO reject (log, sequence, source, reason, received, device, detail, topic, preview)
SELECT log, sequence, source, reason, to_timestamp(received / 1000.0), device, detail, topic,
       decode(preview, 'base64')
FROM json_to_recordset(%(rejects)s::json)
    AS n (log smallint, sequence bigint, source text, reason text, received bigint, device text,
          detail text, topic text, preview text)
ORDER BY log, sequence
ON CONFLICT (log, sequence) DO UPDATE
SET reason = excluded.reason, detail = excluded.detail, device = excluded.device, retried = NULL

-- name: page
-- Rejects that wait, newest first.
SELECT id, log, sequence, source, reason, (extract(epoch FROM received) * 1000)::bigint, device,
       detail, topic, preview, retried
FROM reject
WHERE id < %(before)s AND retried IS NULL
  AND (%(source)s = '' OR source = %(source)s)
  AND (%(reason)s = '' OR reason = %(reason)s)
ORDER BY id DESC
LIMIT %(limit)s

-- name: by_id
-- Rejects by number.
SELECT id, log, sequence, source, reason, (extract(epoch FROM received) * 1000)::bigint, device,
       detail, topic, preview, retried
FROM reject WHERE id = ANY(%(ids)s) ORDER BY id

-- name: retried
-- Sent through the main path again; a new failure makes the reject wait again.
UPDATE reject SET retried = now() WHERE id = ANY(%(ids)s)

-- name: purge
-- Keep the newest rejects only (their raw messages and outcomes stay).
DELETE FROM reject WHERE id <= (SELECT id FROM reject ORDER BY id DESC OFFSET %(most)s LIMIT 1)
