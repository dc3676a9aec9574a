globalThis.Buffer = (function () {
  "use strict";
  var ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  function utf8(text) {
    var escaped = unescape(encodeURIComponent(text));
    return Array.from(escaped, function (c) { return c.charCodeAt(0); });
  }
  function latin1(text) {
    return Array.from(String(text), function (c) { return c.charCodeAt(0) & 255; });
  }
  function hex(text) {
    var bytes = [];
    for (var i = 0; i + 1 < text.length; i += 2) {
      var value = parseInt(text.slice(i, i + 2), 16);
      if (Number.isNaN(value)) break;
      bytes.push(value);
    }
    return bytes;
  }
  function base64(text) {
    var bytes = [], held = 0, bits = 0;
    for (var c of text.replace(/-/g, "+").replace(/_/g, "/")) {
      var value = ALPHABET.indexOf(c);
      if (value < 0) continue;
      held = (held << 6) | value;
      bits += 6;
      if (bits >= 8) { bits -= 8; bytes.push((held >> bits) & 255); }
    }
    return bytes;
  }
  function toBase64(bytes) {
    var text = "";
    for (var i = 0; i < bytes.length; i += 3) {
      var three = (bytes[i] << 16) | ((bytes[i + 1] || 0) << 8) | (bytes[i + 2] || 0);
      text += ALPHABET[three >> 18] + ALPHABET[(three >> 12) & 63];
      text += i + 1 < bytes.length ? ALPHABET[(three >> 6) & 63] : "=";
      text += i + 2 < bytes.length ? ALPHABET[three & 63] : "=";
    }
    return text;
  }
  function parse(text, encoding) {
    switch (String(encoding || "utf8").toLowerCase()) {
      case "hex": return hex(text);
      case "base64": case "base64url": return base64(text);
      case "latin1": case "binary": case "ascii": return latin1(text);
      default: return utf8(text);
    }
  }
  function print(bytes, encoding) {
    var plain = Array.from(bytes, function (b) { return String.fromCharCode(b); }).join("");
    switch (String(encoding || "utf8").toLowerCase()) {
      case "hex": return Array.from(bytes, function (b) { return b.toString(16).padStart(2, "0"); }).join("");
      case "base64": return toBase64(bytes);
      case "latin1": case "binary": return plain;
      case "ascii": return Array.from(bytes, function (b) { return String.fromCharCode(b & 127); }).join("");
      default: try { return decodeURIComponent(escape(plain)); } catch (e) { return plain; }
    }
  }

  class Buffer extends Uint8Array {
    static from(value, second, third) {
      if (typeof value === "string") return Buffer.of(...parse(value, second));
      if (value instanceof ArrayBuffer) return new Buffer(value, second, third);
      if (value && value.type === "Buffer" && Array.isArray(value.data)) return Buffer.of(...value.data);
      return Buffer.of(...Array.from(value));
    }
    static alloc(size, fill) {
      var made = new Buffer(size);
      return fill === undefined ? made : made.fill(typeof fill === "string" ? fill.charCodeAt(0) : fill);
    }
    static allocUnsafe(size) { return new Buffer(size); }
    static isBuffer(value) { return value instanceof Buffer; }
    static byteLength(value, encoding) {
      return typeof value === "string" ? parse(value, encoding).length : value.byteLength;
    }
    static concat(list, total) {
      var joined = [];
      for (var each of list) joined.push(...each);
      return Buffer.of(...(total === undefined ? joined : joined.slice(0, total)));
    }
    get _view() { return new DataView(this.buffer, this.byteOffset, this.byteLength); }
    slice(start, end) { return this.subarray(start, end); }
    toString(encoding, start, end) { return print(this.subarray(start || 0, end), encoding); }
    toJSON() { return { type: "Buffer", data: Array.from(this) }; }
    equals(other) { return this.length === other.length && this.every(function (b, i) { return b === other[i]; }); }
    copy(target, at, start, end) {
      var part = this.subarray(start || 0, end);
      target.set(part, at || 0);
      return part.length;
    }
    write(text, at, length, encoding) {
      var bytes = parse(text, typeof length === "string" ? length : encoding);
      this.set(bytes.slice(0, this.length - (at || 0)), at || 0);
      return bytes.length;
    }
    readUIntBE(at, size) {
      var value = 0;
      for (var i = 0; i < size; i++) value = value * 256 + this._at(at + i);
      return value;
    }
    readUIntLE(at, size) {
      var value = 0;
      for (var i = size - 1; i >= 0; i--) value = value * 256 + this._at(at + i);
      return value;
    }
    readIntBE(at, size) { return signed(this.readUIntBE(at, size), size); }
    readIntLE(at, size) { return signed(this.readUIntLE(at, size), size); }
    writeUIntBE(value, at, size) {
      for (var i = size - 1; i >= 0; i--) { this[at + i] = value % 256; value = Math.floor(value / 256); }
      return at + size;
    }
    writeUIntLE(value, at, size) {
      for (var i = 0; i < size; i++) { this[at + i] = value % 256; value = Math.floor(value / 256); }
      return at + size;
    }
    writeIntBE(value, at, size) { return this.writeUIntBE(value < 0 ? value + Math.pow(256, size) : value, at, size); }
    writeIntLE(value, at, size) { return this.writeUIntLE(value < 0 ? value + Math.pow(256, size) : value, at, size); }
    _at(place) {
      if (!(place >= 0 && place < this.length)) throw new RangeError("out of the buffer: " + place);
      return this[place];
    }
  }
  function signed(value, size) {
    var limit = Math.pow(256, size);
    return value >= limit / 2 ? value - limit : value;
  }
  function define(name, method) {
    Object.defineProperty(Buffer.prototype, name, { value: method, writable: true, configurable: true });
  }
  var KINDS = [["Int8", 1], ["Uint8", 1], ["Int16", 2], ["Uint16", 2], ["Int32", 4], ["Uint32", 4],
    ["Float32", 4, "Float"], ["Float64", 8, "Double"], ["BigInt64", 8], ["BigUint64", 8]];
  KINDS.forEach(function (kind) {
    var name = kind[2] || kind[0], names = name.startsWith("Uint") ? [name, "UI" + name.slice(2)] :
      name === "BigUint64" ? [name, "BigUInt64"] : [name];
    names.forEach(function (each) {
      (kind[1] === 1 ? [["", false]] : [["BE", false], ["LE", true]]).forEach(function (order) {
        define("read" + each + order[0], function (at) { return this._view["get" + kind[0]](at || 0, order[1]); });
        define("write" + each + order[0], function (value, at) {
          this._view["set" + kind[0]](at || 0, value, order[1]);
          return (at || 0) + kind[1];
        });
      });
    });
  });
  return Buffer;
})();
