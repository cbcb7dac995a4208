/** Lists of words, phrases and patterns: read, found in texts that grow, and kept out of what is decoded. */

export { findersOf } from "./finders.ts";
export { foundHidden } from "./hidden-findings.ts";
export { longestMatch } from "./pattern-machine.ts";
export { parsePattern } from "./pattern-parse.ts";
export { PhraseGuard, phraseGuard } from "./phrase-guard.ts";
export { type Blocklist, type BlocklistWords, readBlocklist } from "./read-blocklist.ts";
export { readUnits } from "./units.ts";
export { type Finder, unitsOf } from "./words.ts";
