/**
 * The allowed arrows between rooms, as data: a room may import the doors (`index.ts`) of the rooms named here and nothing else of Loam.
 * `rooms.test.ts` reads every import of the source and holds it against this table.
 */
export const rooms = {
  base: [],
  tensor: ["base"],
  text: ["base", "store"],
  nn: ["base", "tensor"],
  store: ["base"],
  data: ["base", "store", "text"],
  train: ["base", "tensor", "nn", "text", "store", "data"],
  evaluate: ["base", "tensor", "nn", "text", "store", "data"],
  serve: ["base", "tensor", "nn", "text", "store"],
  cli: ["base", "tensor", "nn", "text", "store", "data", "train", "evaluate", "serve"],
} as const satisfies Record<string, readonly string[]>;

/** Heavy packages and the one file that may import each. */
export const adapters: Readonly<Record<string, string>> = {
  koffi: "src/tensor/onnxruntime/library.ts",
  "onnxruntime-node": "src/tensor/onnxruntime/library.ts",
  libsql: "src/store/records/sqlite.ts",
  pg: "src/store/records/postgres.ts",
  "@aws-sdk/client-s3": "src/store/blobs/s3.ts",
  "@hono/node-server": "src/serve/listen.ts",
  "csv-parse/sync": "src/data/sources/csv.ts",
  fzstd: "src/data/sources/compressed/zstd.ts",
  hyparquet: "src/data/sources/parquet.ts",
  "hyparquet-compressors": "src/data/sources/parquet.ts",
  mammoth: "src/data/sources/docx.ts",
  "seek-bzip": "src/data/sources/compressed/bzip2.ts",
  "libphonenumber-js/max": "src/data/steps/private/phone-library.ts",
};
