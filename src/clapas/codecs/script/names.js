({
  decodeUplink: typeof decodeUplink === "function" ? decodeUplink : null,
  normalizeUplink: typeof normalizeUplink === "function" ? normalizeUplink : null,
  encodeDownlink: typeof encodeDownlink === "function" ? encodeDownlink : null,
  decodeDownlink: typeof decodeDownlink === "function" ? decodeDownlink : null,
  Decoder: typeof Decoder === "function" ? Decoder : null,
  Encoder: typeof Encoder === "function" ? Encoder : null,
  Decode: typeof Decode === "function" ? Decode : null,
  Encode: typeof Encode === "function" ? Encode : null
})
