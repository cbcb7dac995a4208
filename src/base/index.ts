/// <reference types="node" preserve="true" />
/** base: what every module stands on. Knows nothing of models. */

export { type Clock, handClock, systemClock } from "./clock.ts";
export { check, keyPath, parseYaml } from "./config.ts";
export { contentCoding, decodedContent } from "./content-encoding.ts";
export { answerCors, type CorsRules, corsRules } from "./cors.ts";
export { corsOrigin } from "./cors-origin.ts";
export { csvText } from "./csv.ts";
export { type Defined, defined } from "./defined.ts";
export { type Environment, environment, withEnvironment } from "./environment.ts";
export {
  type ErrorRow,
  type ErrorTable,
  type ExitKind,
  errorTable,
  exitCodes,
  isLoamError,
  LoamError,
  type Problem,
  redact,
  renderProblem,
  withDetails,
} from "./error.ts";
export { baseErrors } from "./errors.ts";
export { expectation } from "./expectation.ts";
export { fileError, makeFolder, readBytes, readText, syncFolder, temporaryBeside, writeAll, writeFileAtomic } from "./files.ts";
export { canonicalJson, hashOf, type Json, sha256 } from "./hash.ts";
export { defaultDelayMs, type LastRequests, lastRequests } from "./last-requests.ts";
export { type LoadedLater, loadedLater } from "./loaded-later.ts";
export { editDistance, nearest } from "./nearest.ts";
export type { Answered, ApiOperation, JsonSchema, OpenApiDocument } from "./openapi.ts";
export { ownFolder } from "./package-folder.ts";
export { pause } from "./pause.ts";
export { makePrivateFile, makePrivateFolder, privateFileMode, privateFolderMode } from "./private-files.ts";
export { type Progress, type ProgressEvent, silent } from "./progress.ts";
export { type Random, type RandomState, random } from "./random.ts";
export { pathFault } from "./request-path.ts";
export { showValue } from "./show.ts";
export { readStaticPage, type StaticPage, staticResponse } from "./static-page.ts";
export { isBranch, type MapLeaves, type Tree, treeFrom, treeLeaves, treeMap, treePaths } from "./tree.ts";
export { inTurns, type Pause, pauses } from "./turn.ts";
export { guardPausedResponses } from "./undici-guard.ts";
export { formatBytes, formatCount, formatDuration, parseBytes, parseCount } from "./units.ts";
export { zstdLibrary } from "./zstd.ts";
