/** Leaves beside each file of the built page its forms packed by Brotli and gzip, so that no request waits for it. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const WORTH = /\.(js|mjs|css)$/;
/** Bytes below which packing gains nothing. */
const SMALLEST = 1000;

function pack(path: string): void {
  const content = readFileSync(path);
  if (content.length < SMALLEST) return;
  writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
}

export function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    writeBundle: ({ dir = "" }) => {
      const folder = join(dir, "assets");
      for (const name of readdirSync(folder)) if (WORTH.test(name)) pack(join(folder, name));
    },
  };
}
