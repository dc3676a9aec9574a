-- name: raw_deleted_before
-- Up to when raw messages were deleted.
SELECT max(before) FROM retention_proof WHERE kept = 'raw'

-- name: prove
-- What was deleted, when and how much.
INSERT INTO retention_proof (kept, dataset, before, rows) VALUES (%(kept)s, %(dataset)s, %(before)s, %(rows)s)

-- name: proofs
-- Proofs, newest first.
SELECT id, done, kept, dataset, before, rows FROM retention_proof ORDER BY id DESC LIMIT %(limit)s

-- name: raw_rows
-- Raw messages before a date.
SELECT count() AS rows FROM raw WHERE received < fromUnixTimestamp64Milli({before:Int64})

-- name: delete_raw
-- Raw messages before a date.
ALTER TABLE raw DELETE WHERE received < fromUnixTimestamp64Milli({before:Int64})
SETTINGS mutations_sync = 1

-- name: observation_rows
-- Numbers before a date.
SELECT count() AS rows FROM observation WHERE measured < fromUnixTimestamp64Milli({before:Int64})

-- name: delete_observations
-- Numbers before a date (hours and days stay).
ALTER TABLE observation DELETE WHERE measured < fromUnixTimestamp64Milli({before:Int64})
SETTINGS mutations_sync = 1

-- name: observation_text_rows
-- Texts before a date.
SELECT count() AS rows FROM observation_text WHERE measured < fromUnixTimestamp64Milli({before:Int64})

-- name: delete_texts
-- Texts before a date.
ALTER TABLE observation_text DELETE WHERE measured < fromUnixTimestamp64Milli({before:Int64})
SETTINGS mutations_sync = 1

-- name: forget_marks
-- Hours whose values were deleted keep their roll-up as it is.
DELETE FROM dirty_bucket WHERE bucket < %(before)s
