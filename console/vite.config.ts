/** Builds the console into `console/dist` with relative paths, so it can be served from anywhere. `--mode fake` develops against made-up data. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { fakeServer, recordingOfEnvironment } from "./dev/fake.ts";

/** The built page may load and call its own origin only; a font or script from elsewhere cannot slip in. */
const policy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'";

const contentPolicy: Plugin = {
  name: "content-policy",
  apply: "build",
  transformIndexHtml: () => [
    { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: policy }, injectTo: "head-prepend" },
  ],
};

/** Compressed forms beside each file that is larger than a packet, best effort: servers send them to whoever takes them. */
const compressed: Plugin = {
  name: "compressed-assets",
  apply: "build",
  writeBundle({ dir }, bundle) {
    for (const name of Object.keys(bundle)) {
      const plain = readFileSync(join(dir!, name));
      if (plain.length < 1024) continue;
      const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
      writeFileSync(join(dir!, `${name}.br`), brotliCompressSync(plain, { params: quality }));
      writeFileSync(join(dir!, `${name}.gz`), gzipSync(plain, { level: 9 }));
    }
  },
};

const madeUp = (): Plugin => ({
  name: "made-up-server",
  configureServer({ middlewares }) {
    const fake = fakeServer({ recording: recordingOfEnvironment() });
    middlewares.use((request, response, next) => {
      if (!fake.answer(request, response)) next();
    });
  },
});

export default defineConfig(({ command, mode }) => {
  // Whoever builds (a test runner says "test"): what is shipped is React's production half.
  if (command === "build") process.env.NODE_ENV = "production";
  return {
    base: "./",
    root: import.meta.dirname,
    plugins: [react(), contentPolicy, compressed, ...(mode === "fake" ? [madeUp()] : [])],
    build: {
      outDir: "dist",
      emptyOutDir: true,
      assetsInlineLimit: 0,
      reportCompressedSize: true,
      // every browser that has the colours of the page has it
      modulePreload: { polyfill: false },
    },
    server: {
      host: "127.0.0.1",
      proxy:
        mode === "fake"
          ? {}
          : {
              "/v1": "http://127.0.0.1:8080",
              "/api": "http://127.0.0.1:8080",
              "/login": "http://127.0.0.1:8080",
              "/logout": "http://127.0.0.1:8080",
            },
    },
  };
});
