(function (codec, text) {
  "use strict";
  var input = JSON.parse(text), result;
  if (codec.encodeDownlink) result = codec.encodeDownlink(input);
  else if (codec.Encoder) result = { bytes: codec.Encoder(input.data, input.fPort), fPort: input.fPort };
  else if (codec.Encode) {
    result = { bytes: codec.Encode(input.fPort, input.data, input.variables), fPort: input.fPort };
  } else throw "the script defines no function encodeDownlink, nor the older Encoder";
  if (result === null || typeof result !== "object") throw "encodeDownlink gave no object";
  return JSON.stringify(result);
})
