/** Builds the console into `console/dist` with relative paths, so it can be served from anywhere. `--mode fake` develops against made-up data. */
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { fakeServer } from "./dev/fake.ts";

/** The built page may load and call its own origin only; a font or script from elsewhere cannot slip in. */
const policy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'";

const contentPolicy: Plugin = {
  name: "content-policy",
  apply: "build",
  transformIndexHtml: () => [
    { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: policy }, injectTo: "head-prepend" },
  ],
};

const madeUp = (): Plugin => ({
  name: "made-up-server",
  configureServer({ middlewares }) {
    const fake = fakeServer();
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
    plugins: [react(), contentPolicy, ...(mode === "fake" ? [madeUp()] : [])],
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
