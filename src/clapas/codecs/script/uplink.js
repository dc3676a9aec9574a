(function (codec, text) {
  "use strict";
  var input = JSON.parse(text);
  if (input.recvTime !== undefined && input.recvTime !== null) input.recvTime = new Date(input.recvTime);
  var result;
  if (codec.decodeUplink) result = codec.decodeUplink(input);
  else if (codec.Decoder) result = { data: codec.Decoder(input.bytes, input.fPort) };
  else if (codec.Decode) result = { data: codec.Decode(input.fPort, input.bytes, input.variables) };
  else throw "the script defines no function decodeUplink, nor the older Decoder";
  if (result === null || typeof result !== "object") throw "decodeUplink gave no object";
  return JSON.stringify(result);
})
