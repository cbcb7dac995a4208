/** Baselines that a language model is held against, all in bits per byte by one protocol. */
export { buildDictionary } from "./dictionary.ts";
export { gzipBaseline } from "./gzip.ts";
export { type NgramModel, ngramBaseline, trainNgram } from "./ngram.ts";
export { type BaselineScore, utf8Bytes } from "./score.ts";
export { zstdBaseline } from "./zstd.ts";
