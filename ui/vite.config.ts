import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { packed } from "./pack";

const backend = process.env.CLAPAS_API ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [svelte(), packed()],
  // Pages of the trades lie outside this folder: they take their libraries from here.
  resolve: { dedupe: ["svelte", "uplot", "maplibre-gl"], alias: { $ui: fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "../src/clapas/web/static",
    emptyOutDir: true,
    // The strict content policy admits neither data: fonts nor inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // MapLibre alone is 1 MB; it is loaded only by pages that show a map.
    chunkSizeWarningLimit: 1200,
    target: "es2022",
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // Small parts that most pages share travel as one file, not as twenty.
            { name: "parts", test: /\/ui\/src\/(core|parts)\/[^/]+$/ },
          ],
        },
      },
    },
  },
  server: { proxy: { "/api": backend }, fs: { allow: [".."] } },
});
