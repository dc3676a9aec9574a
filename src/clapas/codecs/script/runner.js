(function (codec, operation, text) {
  "use strict";
  var input = JSON.parse(text);
  if (input.recvTime !== undefined && input.recvTime !== null) input.recvTime = new Date(input.recvTime);

  function must(result, name) {
    if (result === null || typeof result !== "object") throw name + " gave no object";
    return result;
  }
  function none(names) {
    throw "the script defines no function " + names;
  }
  function failed(result) {
    return Array.isArray(result.errors) ? result.errors.length > 0 : Boolean(result.errors);
  }
  function uplink() {
    if (codec.decodeUplink) return must(codec.decodeUplink(input), "decodeUplink");
    if (codec.Decoder) return { data: codec.Decoder(input.bytes, input.fPort) };
    if (codec.Decode) return { data: codec.Decode(input.fPort, input.bytes, input.variables) };
    return none("decodeUplink, nor the older Decoder");
  }
  function decode() {
    var result = uplink();
    var answer = { data: result.data, warnings: result.warnings, errors: result.errors };
    if (codec.normalizeUplink && !failed(result) && result.data !== null && result.data !== undefined) {
      answer.normalized = must(codec.normalizeUplink({ data: result.data }), "normalizeUplink");
    }
    return answer;
  }
  function encode() {
    if (codec.encodeDownlink) return must(codec.encodeDownlink(input), "encodeDownlink");
    if (codec.Encoder) return { bytes: codec.Encoder(input.data, input.fPort), fPort: input.fPort };
    if (codec.Encode) {
      return { bytes: codec.Encode(input.fPort, input.data, input.variables), fPort: input.fPort };
    }
    return none("encodeDownlink, nor the older Encoder");
  }
  function downlink() {
    if (!codec.decodeDownlink) none("decodeDownlink");
    return must(codec.decodeDownlink(input), "decodeDownlink");
  }
  function normalize() {
    if (!codec.normalizeUplink) none("normalizeUplink");
    return must(codec.normalizeUplink(input), "normalizeUplink");
  }
  var run = { decode: decode, uplink: uplink, encode: encode, decode_downlink: downlink, normalize: normalize }[operation];
  return JSON.stringify(run());
})
