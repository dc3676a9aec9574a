-- name: consent
-- A consent, unless it lives already.
INSERT INTO consent (subject, dataset, purpose, evidence, author)
VALUES (%(subject)s, %(dataset)s, %(purpose)s, %(evidence)s, %(author)s) ON CONFLICT DO NOTHING

-- name: withdraw_consent
-- It is withdrawn from now on.
UPDATE consent SET withdrawn = now() WHERE subject = %(subject)s AND dataset = %(dataset)s
AND purpose = %(purpose)s AND withdrawn IS NULL

-- name: object
-- An objection, unless it lives already.
INSERT INTO objection (subject, dataset, purpose, reason, author)
VALUES (%(subject)s, %(dataset)s, %(purpose)s, %(reason)s, %(author)s) ON CONFLICT DO NOTHING

-- name: withdraw_objection
-- It is withdrawn from now on.
UPDATE objection SET withdrawn = now() WHERE subject = %(subject)s AND dataset = %(dataset)s
AND purpose = %(purpose)s AND withdrawn IS NULL

-- name: consents
-- Consents of a dataset or a subject, newest first.
SELECT subject, dataset, purpose, evidence, given, withdrawn FROM consent
WHERE (%(subject)s = '' OR subject = %(subject)s) AND (%(dataset)s = '' OR dataset = %(dataset)s)
ORDER BY id DESC LIMIT %(limit)s

-- name: objections
-- Objections of a dataset or a subject, newest first.
SELECT subject, dataset, purpose, reason, since, withdrawn FROM objection
WHERE (%(subject)s = '' OR subject = %(subject)s) AND (%(dataset)s = '' OR dataset = %(dataset)s)
ORDER BY id DESC LIMIT %(limit)s

-- name: consenting
-- Which entities of a list belong to subjects who consented to a purpose: by their own name, or by a device's.
SELECT asked.name FROM unnest(%(entities)s::text[]) AS asked (name)
WHERE EXISTS (SELECT FROM consent c WHERE c.dataset = %(dataset)s AND c.purpose = %(purpose)s
              AND c.withdrawn IS NULL AND (c.subject = asked.name OR c.subject IN (
                  SELECT d.key FROM binding b JOIN device d ON d.id = b.device WHERE b.entity = asked.name)))

-- name: objecting
-- Which entities of a list belong to subjects who object to a purpose (or to all of them).
SELECT asked.name FROM unnest(%(entities)s::text[]) AS asked (name)
WHERE EXISTS (SELECT FROM objection o WHERE o.dataset = %(dataset)s
              AND (o.purpose = '' OR %(purpose)s = '' OR o.purpose = %(purpose)s)
              AND o.withdrawn IS NULL AND (o.subject = asked.name OR o.subject IN (
                  SELECT d.key FROM binding b JOIN device d ON d.id = b.device WHERE b.entity = asked.name)))

-- name: objectors
-- The entities of subjects who object to a purpose (or to all) of the dataset that they are in.
SELECT e.id FROM objection o JOIN entity e ON e.id = o.subject AND e.dataset = o.dataset
WHERE o.withdrawn IS NULL AND o.purpose IN ('', %(purpose)s)
UNION
SELECT e.id FROM objection o JOIN device d ON d.key = o.subject JOIN binding b ON b.device = d.id
JOIN entity e ON e.id = b.entity AND e.dataset = o.dataset
WHERE o.withdrawn IS NULL AND o.purpose IN ('', %(purpose)s)

-- name: objecting_series
-- The series of subjects who object to a purpose of a dataset (or to all of them).
WITH against AS (
    SELECT DISTINCT subject FROM objection WHERE dataset = %(dataset)s AND withdrawn IS NULL
    AND (purpose = '' OR %(purpose)s = '' OR purpose = %(purpose)s)
)
SELECT s.id FROM series s WHERE s.entity IN (
    SELECT subject FROM against
    UNION SELECT b.entity FROM against a JOIN device d ON d.key = a.subject JOIN binding b ON b.device = d.id)

-- name: without_consent
-- The series of these datasets, each with its entity, whose subjects did not consent to a purpose: by their own name, or by a device's.
WITH agreed AS (
    SELECT subject, dataset FROM consent
    WHERE purpose = %(purpose)s AND dataset = ANY(%(datasets)s) AND withdrawn IS NULL
), willing AS (
    SELECT subject AS entity, dataset FROM agreed
    UNION
    SELECT b.entity, a.dataset FROM agreed a JOIN device d ON d.key = a.subject JOIN binding b ON b.device = d.id
), asked AS (
    SELECT s.id, s.entity, coalesce(nullif(s.dataset, ''), e.dataset, '') AS dataset
    FROM series s LEFT JOIN entity e ON e.id = s.entity
)
SELECT asked.id, asked.entity FROM asked LEFT JOIN willing USING (entity, dataset)
WHERE asked.dataset = ANY(%(datasets)s) AND willing.entity IS NULL

-- name: add_request
-- A person's request, to be answered within a month (GDPR art. 12.3).
INSERT INTO privacy_request (kind, subject, proof, reference, author, due)
VALUES (%(kind)s, %(subject)s, %(proof)s, %(reference)s, %(author)s, (now() + interval '1 month')::date)
RETURNING id

-- name: request_job
-- The job that answers it.
UPDATE privacy_request SET job = %(job)s WHERE id = %(id)s

-- name: requests
-- Requests, newest first.
SELECT id, kind, subject, reference, author, asked, due, job, done FROM privacy_request
ORDER BY id DESC LIMIT %(limit)s

-- name: request
-- One request.
SELECT id, kind, subject, reference, author, asked, due, job, done FROM privacy_request WHERE id = %(id)s

-- name: answer_request
-- It is answered; an erasure forgets whom it was about.
UPDATE privacy_request SET done = now(), body = %(body)s,
    subject = CASE WHEN kind = 'erasure' THEN '' ELSE subject END WHERE id = %(id)s

-- name: request_body
-- What is handed over.
SELECT body FROM privacy_request WHERE id = %(id)s AND body IS NOT NULL

-- name: forget_bodies
-- Files that were handed over do not stay.
UPDATE privacy_request SET body = NULL WHERE body IS NOT NULL AND done < now() - interval '30 days'

-- name: prove
-- What was deleted, when, how much, with a digest of it.
INSERT INTO deletion_proof (why, dataset, subject, kept, before, rows, digest)
VALUES (%(why)s, %(dataset)s, %(subject)s, %(kept)s, %(before)s, %(rows)s, %(digest)s)

-- name: proofs
-- Proofs, newest first.
SELECT id, done, why, dataset, encode(subject, 'hex'), kept, before, rows, digest FROM deletion_proof
WHERE (%(dataset)s = '' OR dataset = %(dataset)s) ORDER BY id DESC LIMIT %(limit)s

-- name: devices_of
-- The devices of a dataset: their own, and those that speak of its entities.
SELECT key FROM device WHERE dataset = %(dataset)s
UNION SELECT d.key FROM device d JOIN binding b ON b.device = d.id JOIN entity e ON e.id = b.entity
WHERE e.dataset = %(dataset)s ORDER BY 1

-- name: subject_entities
-- The entities of a subject: of that name, or those that its device speaks of.
SELECT id FROM entity WHERE id = %(subject)s
UNION SELECT b.entity FROM binding b JOIN device d ON d.id = b.device WHERE d.key = %(subject)s ORDER BY 1

-- name: subject_devices
-- The devices of a subject: of that key, or those that speak of its entity.
SELECT key FROM device WHERE key = %(subject)s
UNION SELECT d.key FROM device d JOIN binding b ON b.device = d.id WHERE b.entity = %(subject)s ORDER BY 1

-- name: subject_series
-- The series of entities.
SELECT id, entity, attribute, quantity, dataset FROM series WHERE entity = ANY(%(entities)s) ORDER BY id

-- name: device_rows
-- What is known of devices.
SELECT key, name, model, source, lifecycle, commune, longitude, latitude, dataset, created FROM device
WHERE key = ANY(%(devices)s) ORDER BY key

-- name: forget_state
-- Present values of series.
DELETE FROM state WHERE series = ANY(%(series)s)

-- name: forget_tail
-- Values that wait.
DELETE FROM tail WHERE series = ANY(%(series)s)

-- name: forget_rejects
-- Messages that were refused.
DELETE FROM reject WHERE device = ANY(%(devices)s)

-- name: forget_devices
-- Devices keep their key, which the meter bears; nothing else of them stays.
UPDATE device SET name = '', longitude = NULL, latitude = NULL, commune = '', tags = '{}', search = key
WHERE key = ANY(%(devices)s)

-- name: forget_entities
-- Entities keep their id.
WITH file_gone AS (DELETE FROM entity_file WHERE entity = ANY(%(entities)s))
UPDATE entity SET name = '', longitude = NULL, latitude = NULL, geometry = NULL, search = id
WHERE id = ANY(%(entities)s)

-- name: forget_rights
-- Consents and objections of a subject.
WITH gone AS (DELETE FROM consent WHERE subject = %(subject)s),
     person AS (DELETE FROM vault.person WHERE pseudonym = %(subject)s)
DELETE FROM objection WHERE subject = %(subject)s

-- name: forget_marks
-- Buckets whose values were deleted keep their roll-up as it is.
DELETE FROM dirty_bucket WHERE bucket < %(before)s
  AND series IN (SELECT id FROM series WHERE dataset = %(dataset)s)

-- name: forget_marks_of
-- The same of the series that are named.
DELETE FROM dirty_bucket WHERE bucket < %(before)s AND series = ANY(%(series)s)

-- name: put_person
-- Who a pseudonym is, sealed.
INSERT INTO vault.person (pseudonym, sealed, author) VALUES (%(pseudonym)s, %(sealed)s, %(author)s)
ON CONFLICT (pseudonym) DO UPDATE SET sealed = excluded.sealed, author = excluded.author

-- name: person
-- Who a pseudonym is, sealed.
SELECT sealed FROM vault.person WHERE pseudonym = %(pseudonym)s

-- name: who_read
-- Audited events about a subject or its datasets, newest first.
SELECT seq, t, who, event FROM audit_event
WHERE event LIKE %(like)s OR (event::jsonb ->> 'dataset') = ANY(%(datasets)s)
ORDER BY seq DESC LIMIT 1000

-- name: audit_year
-- Events of a year by dataset, action, kind and decision.
SELECT coalesce(event::jsonb ->> 'dataset', ''), event::jsonb ->> 'action', event::jsonb ->> 'kind',
       (event::jsonb ->> 'allowed')::boolean, count(*)
FROM audit_event WHERE t >= %(start)s AND t < %(end)s GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4

-- name: add_reorganisation
-- A plan, with what it would change.
INSERT INTO reorganisation (at, plan, effect, author)
VALUES (%(at)s, %(plan)s, %(effect)s, %(author)s) RETURNING id

-- name: reorganisations
-- Plans, newest first.
SELECT id, at, plan::text, effect::text, author, approver, created, state, detail FROM reorganisation
ORDER BY created DESC LIMIT 100

-- name: approve_reorganisation
-- Somebody else agrees.
UPDATE reorganisation SET state = 'approved', approver = %(approver)s
WHERE id = %(id)s AND state = 'planned' AND author <> %(approver)s RETURNING id

-- name: end_reorganisation
-- It was applied, failed, or is given up.
UPDATE reorganisation SET state = %(state)s, detail = %(detail)s
WHERE id = %(id)s AND state IN ('planned', 'approved') RETURNING id

-- name: move_account
-- An account belongs to another service, and to another organisation.
UPDATE account SET service = %(service)s, organisation = %(organisation)s WHERE id = %(id)s

-- name: move_applications
-- The applications of an organisation belong to the one that takes over.
UPDATE application SET organisation = %(into)s WHERE member_of = %(organisation)s

-- name: succeed_organisation
-- The organisation that takes over from another one, of the same kind, unless it is known.
INSERT INTO organisation (id, name, kind, parent) SELECT %(into)s, %(into)s, kind, parent
FROM organisation WHERE id = %(organisation)s ON CONFLICT (id) DO NOTHING

-- name: end_organisation
-- An organisation whose accounts and applications have all gone elsewhere ends; it keeps its history.
UPDATE organisation o SET ended = %(at)s WHERE id = %(organisation)s AND ended IS NULL
AND NOT EXISTS (SELECT FROM account a WHERE a.member_of = o.id)
AND NOT EXISTS (SELECT FROM application a WHERE a.member_of = o.id)

-- name: count_raw
-- Raw messages of devices before a date, and their digest. ClickHouse.
SELECT count() AS rows, lower(hex(SHA256(toString(sum(sipHash64(log, sequence, payload)))))) AS digest
FROM raw WHERE has({devices:Array(String)}, device) AND received < fromUnixTimestamp64Milli({before:Int64})

-- name: digest_raw
-- What stays of them: no value. ClickHouse.
INSERT INTO raw_digest
SELECT log, sequence, received, source, device, model, SHA256(payload), length(payload), radio,
       frequency_hz, data_rate, f_port, f_cnt, codec, now()
FROM raw WHERE (empty({devices:Array(String)}) OR has({devices:Array(String)}, device))
  AND received < fromUnixTimestamp64Milli({before:Int64})

-- name: delete_raw
-- Raw messages of devices before a date. ClickHouse.
ALTER TABLE raw DELETE WHERE has({devices:Array(String)}, device)
  AND received < fromUnixTimestamp64Milli({before:Int64}) SETTINGS mutations_sync = 1

-- name: delete_digests
-- What had stayed of raw messages of devices. ClickHouse.
ALTER TABLE raw_digest DELETE WHERE has({devices:Array(String)}, device) SETTINGS mutations_sync = 1

-- name: digest_of
-- What stayed of a raw message. ClickHouse.
SELECT lower(hex(sha256)) AS sha256, size, source, device, model, radio, frequency_hz, data_rate, f_port, f_cnt,
       codec, toUnixTimestamp64Milli(received) AS received, toUnixTimestamp(deleted) AS deleted
FROM raw_digest FINAL WHERE log = {log:UInt16} AND sequence = {sequence:UInt64}

-- name: expired_in
-- Raw messages of a window that were deleted. ClickHouse.
SELECT count() AS messages, toUnixTimestamp64Milli(max(received)) AS last FROM raw_digest FINAL
WHERE received >= fromUnixTimestamp64Milli({start:Int64}) AND received < fromUnixTimestamp64Milli({end:Int64})
  AND ({model:String} = '' OR model = {model:String}) AND ({device:String} = '' OR device = {device:String})

-- name: count_observation
-- Numbers of a dataset or of series before a date, and their digest. ClickHouse.
SELECT count() AS rows, lower(hex(SHA256(toString(sum(sipHash64(series, measured, value)))))) AS digest
FROM observation WHERE measured < fromUnixTimestamp64Milli({before:Int64}) AND (has({series:Array(UInt32)}, series)
  OR ({dataset:String} <> '' AND series IN (SELECT series FROM series_place FINAL WHERE dataset = {dataset:String})))

-- name: delete_observation
-- Numbers of a dataset or of series before a date. ClickHouse.
ALTER TABLE observation DELETE WHERE measured < fromUnixTimestamp64Milli({before:Int64}) AND (has({series:Array(UInt32)}, series)
  OR ({dataset:String} <> '' AND series IN (SELECT series FROM series_place FINAL WHERE dataset = {dataset:String})))
SETTINGS mutations_sync = 1

-- name: count_observation_text
-- Texts of a dataset or of series before a date, and their digest. ClickHouse.
SELECT count() AS rows, lower(hex(SHA256(toString(sum(sipHash64(series, measured, value)))))) AS digest
FROM observation_text WHERE measured < fromUnixTimestamp64Milli({before:Int64}) AND (has({series:Array(UInt32)}, series)
  OR ({dataset:String} <> '' AND series IN (SELECT series FROM series_place FINAL WHERE dataset = {dataset:String})))

-- name: delete_observation_text
-- Texts of a dataset or of series before a date. ClickHouse.
ALTER TABLE observation_text DELETE WHERE measured < fromUnixTimestamp64Milli({before:Int64}) AND (has({series:Array(UInt32)}, series)
  OR ({dataset:String} <> '' AND series IN (SELECT series FROM series_place FINAL WHERE dataset = {dataset:String})))
SETTINGS mutations_sync = 1

-- name: count_rollup_hour
-- Hours of a dataset or of series before a date, and their digest. ClickHouse.
SELECT count() AS rows, lower(hex(SHA256(toString(sum(sipHash64(series, hour, total, count)))))) AS digest
FROM rollup_hour WHERE hour < fromUnixTimestamp64Milli({before:Int64}) AND (has({series:Array(UInt32)}, series)
  OR ({dataset:String} <> '' AND series IN (SELECT series FROM series_place FINAL WHERE dataset = {dataset:String})))

-- name: delete_rollup_hour
-- Hours of a dataset or of series before a date. ClickHouse.
ALTER TABLE rollup_hour DELETE WHERE hour < fromUnixTimestamp64Milli({before:Int64}) AND (has({series:Array(UInt32)}, series)
  OR ({dataset:String} <> '' AND series IN (SELECT series FROM series_place FINAL WHERE dataset = {dataset:String})))
SETTINGS mutations_sync = 1

-- name: count_rollup_day
-- Days of a dataset or of series before a date, and their digest. ClickHouse.
SELECT count() AS rows, lower(hex(SHA256(toString(sum(sipHash64(series, day, total, count)))))) AS digest
FROM rollup_day WHERE day < toDate32(fromUnixTimestamp64Milli({before:Int64})) AND (has({series:Array(UInt32)}, series)
  OR ({dataset:String} <> '' AND series IN (SELECT series FROM series_place FINAL WHERE dataset = {dataset:String})))

-- name: delete_rollup_day
-- Days of a dataset or of series before a date. ClickHouse.
ALTER TABLE rollup_day DELETE WHERE day < toDate32(fromUnixTimestamp64Milli({before:Int64})) AND (has({series:Array(UInt32)}, series)
  OR ({dataset:String} <> '' AND series IN (SELECT series FROM series_place FINAL WHERE dataset = {dataset:String})))
SETTINGS mutations_sync = 1
