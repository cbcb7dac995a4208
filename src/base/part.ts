/** What schemas of configuration are made with: checks, counts, nearest words, error tables. Reaches zod and yaml alone, so that reading a file loads no more. */
export { check, keyPath, parseYaml } from "./config.ts";
export { corsOrigin } from "./cors-origin.ts";
export { errorTable, isLoamError, LoamError } from "./error.ts";
export { baseErrors } from "./errors.ts";
export type { Json } from "./hash.ts";
export { nearest } from "./nearest.ts";
export { replacingKey } from "./replaced-key.ts";
export { showValue } from "./show.ts";
export { formatCount, parseBytes, parseCount } from "./units.ts";
export { writtenAs, writtenFormOf } from "./written-as.ts";
