/**
 * The allowed arrows between modules, as data: a module may import the doors (`index.ts`) of the modules named here and nothing else of Loam.
 * `modules.test.ts` reads every import of the source and holds it against this table.
 */
export const modules = {
  base: [],
  statistics: ["base"],
  watch: ["base", "statistics"],
  governance: ["base", "statistics"],
  loop: ["base", "statistics", "watch"],
  ledger: ["base"],
  tracing: ["base"],
  session: ["base"],
  protocols: ["base"],
  machine: ["base"],
  kubernetes: ["base"],
  launch: ["base", "kubernetes"],
  ranks: ["base", "machine"],
  tensor: ["base", "machine", "ledger"],
  text: ["base", "store"],
  nn: ["base", "machine", "tensor"],
  store: ["base", "ledger"],
  data: ["base", "ledger", "statistics", "store", "text", "protocols"],
  train: ["base", "governance", "ledger", "ranks", "tensor", "nn", "text", "store", "data"],
  tune: ["base", "governance", "statistics", "ranks", "tensor", "nn", "text", "store", "data", "train", "evaluate", "protocols"],
  evaluate: ["base", "statistics", "tensor", "nn", "text", "store", "data", "protocols"],
  registry: ["base", "statistics", "store", "evaluate"],
  deploy: ["base", "statistics", "kubernetes", "store", "registry", "text", "nn"],
  serve: ["base", "tensor", "nn", "text", "store", "protocols", "tracing", "session"],
  // statistics: how far reviewers agree
  gateway: ["base", "statistics", "store", "text", "data", "protocols", "tracing", "session"],
  project: [
    "base",
    "governance",
    "statistics",
    "ledger",
    "ranks",
    "tensor",
    "nn",
    "text",
    "store",
    "data",
    "train",
    "tune",
    "evaluate",
    "registry",
    "kubernetes",
    "launch",
    "deploy",
    "loop",
    "protocols",
    "serve",
    "gateway",
    "tracing",
    "session",
    "watch",
  ],
  cli: [
    "base",
    "governance",
    "statistics",
    "ledger",
    "ranks",
    "tensor",
    "nn",
    "text",
    "store",
    "data",
    "train",
    "tune",
    "evaluate",
    "registry",
    "kubernetes",
    "launch",
    "deploy",
    "loop",
    "serve",
    "gateway",
    "tracing",
    "session",
    "watch",
    "project",
  ],
} as const satisfies Record<string, readonly string[]>;

/**
 * A module's second public file: what `loam.yaml` may say of it, as schemas alone (`part.ts`). Modules that have one, and the modules whose parts theirs may
 * import: no engine, no file system. `modules.test.ts` follows every import from there.
 */
export const parts = {
  base: [],
  ledger: [],
  tensor: [],
  nn: [],
  text: [],
  train: ["base"],
  data: ["base"],
  evaluate: [],
  tune: ["base", "nn", "train", "data", "evaluate"],
  registry: ["evaluate"],
  deploy: [],
  watch: ["base"],
  loop: [],
  launch: [],
  serve: ["base"],
  protocols: [],
  gateway: ["base", "protocols"],
  governance: [],
  project: [
    "base",
    "governance",
    "ledger",
    "tensor",
    "text",
    "train",
    "data",
    "evaluate",
    "tune",
    "registry",
    "deploy",
    "watch",
    "loop",
    "launch",
    "serve",
    "gateway",
  ],
} as const satisfies Partial<Record<keyof typeof modules, readonly string[]>>;

/** Packages that parts may reach, and modules of Node, each with its reason. */
export const partPackages: Readonly<Record<string, string>> = {
  zod: "schemas",
  yaml: "base/part.ts parses the file",
  "node:module": "re2js is loaded when a pattern is there to be checked",
  "node:url": "domains in their ASCII form",
};

/** Side doors: what one module alone may do with another, which the other's `index.ts`, open to everybody, does not offer. Files, and who may import each. */
export const sideDoors: Readonly<Record<string, readonly string[]>> = {
  // moves a guarded alias on the word of whoever judged
  "store/promotion.ts": ["registry"],
  // runs Zod, which whoever imports base does not
  "base/openapi.ts": ["serve", "gateway"],
};

/** Modules whose folders have doors of their own (`project/models/index.ts`), and who may use these. */
export const folderDoors: Readonly<Record<string, readonly string[]>> = {
  project: ["cli"],
};

/** Heavy packages and the files that may import each: one a module, and more only where a line says why. */
export const adapters: Readonly<Record<string, string | readonly string[]>> = {
  koffi: "src/machine/koffi.ts",
  // Its shared library is loaded, its JavaScript is not.
  "onnxruntime-node": [],
  // The record is Loam's own; a source is somebody else's, read only and as a stream.
  libsql: ["src/store/records/sqlite.ts", "src/data/sources/sql/sqlite.ts", "src/gateway/state/sqlite.ts"],
  ioredis: "src/gateway/state/redis.ts",
  pg: ["src/store/records/postgres.ts", "src/data/sources/sql/postgres.ts", "src/gateway/state/postgres.ts"],
  "@aws-sdk/client-s3": ["src/store/blobs/s3.ts", "src/data/sources/s3/client.ts"],
  jose: ["src/gateway/identity/tokens.ts", "src/gateway/identity/jwks.ts"],
  "@hono/node-server": ["src/serve/listen.ts", "src/gateway/http/listen.ts"],
  undici: ["src/gateway/upstreams/call.ts", "src/kubernetes/connection.ts"],
  "csv-parse/sync": ["src/data/sources/csv.ts", "src/data/inspect/sniff.ts", "src/evaluate/tasks/items.ts"],
  // Programs of models run in a process of its own.
  "quickjs-emscripten-core": "src/evaluate/code/run-program.mjs",
  "@jitl/quickjs-wasmfile-release-sync": "src/evaluate/code/run-program.mjs",
  ...Object.fromEntries(["eld/extrasmall", "eld/small", "eld/medium", "eld/large"].map(t => [t, "src/data/steps/language/eld.ts"])),
  re2js: ["src/data/steps/patterns/re2.ts", "src/nn/adapters/peft-config.ts"],
  fzstd: "src/data/sources/compressed/zstd.ts",
  // The reader runs in a process of its own.
  hyparquet: "src/data/sources/guarded/parquet-job.mjs",
  "@bokuweb/zstd-wasm": "src/base/zstd.ts",
  fflate: ["src/deploy/image/layer.ts", "src/deploy/zip.ts"],
  "hyparquet-writer": "src/data/export/parquet.ts",
  "hyparquet-compressors": "src/data/sources/guarded/parquet-job.mjs",
  "pdfjs-dist": "src/data/sources/guarded/pdf-job.mjs",
  "pdfjs-dist/legacy/build/pdf.mjs": "src/data/sources/guarded/pdf-job.mjs",
  yauzl: "src/data/sources/archive/zip.ts",
  "modern-tar": "src/data/sources/archive/tar.ts",
  mammoth: "src/data/sources/docx.ts",
  "seek-bzip": "src/data/sources/compressed/bzip2.ts",
  "libphonenumber-js/max": "src/data/steps/private/phone-library.ts",
};
