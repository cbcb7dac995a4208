/** The codes of this module. */
import { existsSync } from "node:fs";
import { defined, errorTable, type LoamError, nearest } from "../base/index.ts";

export const projectErrors = errorTable("project", {
  argument: {
    status: 400,
    exit: "usage",
    meaning: "An argument names nothing known, is missing, or conflicts with another; the error says what is valid.",
  },
  compile: { status: 500, exit: "failure", meaning: "A PJRT plugin ended its process while it compiled, quoted in the sentence." },
  noProject: { status: 404, exit: "usage", meaning: "There is no loam.yaml in this folder or above it." },
  reference: { status: 400, exit: "usage", meaning: "loam.yaml names a data set or model that it does not define." },
  damaged: { status: 500, exit: "failure", meaning: "The artifact store does not verify; the error names what is damaged." },
  machine: { status: 500, exit: "environment", meaning: "This machine lacks something that Loam cannot work without; it is named." },
  exists: { status: 409, exit: "usage", meaning: "A folder that should be made is there already; nothing in it is touched." },
  family: { status: 400, exit: "usage", meaning: "A model of this family does not support the operation." },
  model: { status: 400, exit: "usage", meaning: "Files that should hold a model do not, or lack a part of it; the part is named." },
  download: {
    status: 502,
    exit: "failure",
    meaning: "A model cannot be fetched from its hub or address: no such model, no right to it, no network, or other bytes than announced.",
  },
  server: { status: 502, exit: "failure", meaning: "The project's server does not answer; the message names its address." },
  answer: { status: 500, exit: "failure", meaning: "The model could not answer; the sentence says why." },
  retention: {
    status: 409,
    exit: "usage",
    meaning:
      "Retention rules cannot be enforced: a rule names an attribute that no document has, the clock went backwards, or a run is under way. Nothing was erased.",
  },
  unjudged: {
    status: 422,
    exit: "failure",
    meaning:
      "Retention rules met documents or objects whose date cannot be read, or a state that does not answer; each is named, and none of them was erased.",
  },
  shared: {
    status: 409,
    exit: "failure",
    meaning: "Another project uses the artifact store, and what it needs is unknown here; each is named.",
  },
  rebuild: {
    status: 409,
    exit: "usage",
    meaning: "A version cannot be rebuilt from the artifact store: the error names each stage or artifact that prevents it.",
  },
  notRepeated: {
    status: 500,
    exit: "failure",
    meaning: "A rebuild gave other content than the artifact store has, in the same environment or beyond the bound between two.",
  },
  changed: { status: 409, exit: "usage", meaning: "loam.yaml was written by somebody else since the form that changes it was opened." },
  running: { status: 409, exit: "usage", meaning: "A run that the console started is under way; only one runs at a time." },
  nothing: { status: 404, exit: "usage", meaning: "The requested artifact does not exist yet." },
});

/** project/argument: what was asked for is not there, or is missing. */
export const wrongArgument = (place: string, expected: string, received: string, hint?: string): LoamError =>
  projectErrors.fail("argument", { place, expected, received, ...defined({ hint }) });

/** The hint of a misspelt word; undefined where none of the known ones is near. */
export function nearestHint(word: string, known: Iterable<string>): string | undefined {
  const near = nearest(word, known);
  return near === undefined ? undefined : `Did you mean "${near}"?`;
}

/** Nothing is at a path that is to be written. `shown` is how the user wrote it. Errors: project/exists. */
export function checkFree(path: string, shown: string, hint = "Choose another name, or remove it."): void {
  if (existsSync(path)) throw projectErrors.fail("exists", { place: shown, expected: "nothing of that name yet", received: "one", hint });
}
