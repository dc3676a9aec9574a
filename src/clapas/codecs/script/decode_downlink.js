(function (codec, text) {
  "use strict";
  if (!codec.decodeDownlink) throw "the script defines no function decodeDownlink";
  var result = codec.decodeDownlink(JSON.parse(text));
  if (result === null || typeof result !== "object") throw "decodeDownlink gave no object";
  return JSON.stringify(result);
})
