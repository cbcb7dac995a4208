/** postal-mime, loaded at the first mail (11 ms): reading a project file needs none. Steps are synchronous, hence `require`. */
import { createRequire } from "node:module";

type Library = typeof import("postal-mime");

let library: Library | undefined;
export const postalMime = (): Library => (library ??= createRequire(import.meta.url)("postal-mime") as Library);
