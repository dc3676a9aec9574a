(function (codec, text) {
  "use strict";
  var input = JSON.parse(text), result;
  input.recvTime = new Date(input.recvTime);
  if (codec.decodeUplink) result = codec.decodeUplink(input);
  else if (codec.Decoder) result = { data: codec.Decoder(input.bytes, input.fPort) };
  else if (codec.Decode) result = { data: codec.Decode(input.fPort, input.bytes, input.variables) };
  else throw "the script defines no function decodeUplink, nor the older Decoder";
  if (result === null || typeof result !== "object") throw "decodeUplink gave no object";
  var answer = { data: result.data, warnings: result.warnings, errors: result.errors };
  var failed = Array.isArray(result.errors) ? result.errors.length > 0 : Boolean(result.errors);
  if (codec.normalizeUplink && !failed && result.data !== null && result.data !== undefined) {
    answer.normalized = codec.normalizeUplink({ data: result.data });
  }
  return JSON.stringify(answer);
})
