-- name: by_sequences
-- Raw messages by place, once each.
SELECT log, sequence, toUnixTimestamp64Milli(received) AS received, source, kind, device, model, topic,
       base64Encode(payload) AS payload, message_id, idempotency, sender, toUnixTimestamp64Milli(measured) AS measured,
       toUnixTimestamp64Milli(sent) AS sent, f_port, f_cnt, base64Encode(frame) AS frame, radio, frequency_hz, data_rate, codec
FROM raw
WHERE (log, sequence) IN {pairs:Array(Tuple(UInt16, UInt64))}
ORDER BY log, sequence
LIMIT 1 BY log, sequence

-- name: window
-- Raw messages received in a window after a place.
SELECT log, sequence, toUnixTimestamp64Milli(raw.received) AS received, source, kind, device, model, topic,
       base64Encode(payload) AS payload, message_id, idempotency, sender, toUnixTimestamp64Milli(raw.measured) AS measured,
       toUnixTimestamp64Milli(raw.sent) AS sent, f_port, f_cnt, base64Encode(frame) AS frame, radio, frequency_hz, data_rate, codec
FROM raw
WHERE raw.received >= fromUnixTimestamp64Milli({start:Int64}) AND raw.received < fromUnixTimestamp64Milli({end:Int64})
  AND (log, sequence) > ({log:UInt16}, {sequence:UInt64})
  AND ({model:String} = '' OR model = {model:String})
  AND ({device:String} = '' OR device = {device:String})
ORDER BY log, sequence
LIMIT 1 BY log, sequence
LIMIT {limit:UInt64}

-- name: frames
-- The last frames of a device.
SELECT log, sequence, toUnixTimestamp64Milli(raw.received) AS received, source, kind, device, model, topic,
       base64Encode(payload) AS payload, message_id, idempotency, sender, toUnixTimestamp64Milli(raw.measured) AS measured,
       toUnixTimestamp64Milli(raw.sent) AS sent, f_port, f_cnt, base64Encode(frame) AS frame, radio, frequency_hz, data_rate, codec
FROM raw
WHERE device = {device:String} AND raw.received >= fromUnixTimestamp64Milli({since:Int64})
  AND (toUnixTimestamp64Milli(raw.received), log, sequence) < ({before:Int64}, {log:UInt16}, {sequence:UInt64})
ORDER BY raw.received DESC, log DESC, sequence DESC
LIMIT 1 BY log, sequence
LIMIT {limit:UInt64}

-- name: outcomes
-- What became of messages.
SELECT log, sequence, toString(result) AS result, reason, observations
FROM outcome FINAL
WHERE (log, sequence) IN {pairs:Array(Tuple(UInt16, UInt64))}

-- name: oldest
-- When the oldest raw message still kept was received.
SELECT toUnixTimestamp64Milli(min(received)) AS oldest, count() AS messages FROM raw
