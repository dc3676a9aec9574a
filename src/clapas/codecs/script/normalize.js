(function (codec, text) {
  "use strict";
  if (!codec.normalizeUplink) throw "the script defines no function normalizeUplink";
  var result = codec.normalizeUplink(JSON.parse(text));
  if (result === null || typeof result !== "object") throw "normalizeUplink gave no object";
  return JSON.stringify(result);
})
