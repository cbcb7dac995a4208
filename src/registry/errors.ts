/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const registryErrors = errorTable("registry", {
  condition: { status: 400, exit: "usage", meaning: "A condition of a release is not one, or asks for what nothing can be compared with." },
  metric: { status: 400, exit: "usage", meaning: "A condition of a release names a measure that there is none of; the nearest is named." },
  refused: {
    status: 409,
    exit: "failure",
    meaning: "A version does not meet what its release asks for; each thing that is missing is named.",
  },
  role: {
    status: 400,
    exit: "usage",
    meaning: "An approval is for an alias or in a role that no release asks for, or by a person who may not.",
  },
  inUse: { status: 409, exit: "usage", meaning: "A version that an alias points at cannot be archived." },
  key: { status: 400, exit: "usage", meaning: "A file does not hold the Ed25519 key that is needed." },
  signature: { status: 403, exit: "failure", meaning: "A version has no valid signature by a key that is trusted." },
  package: { status: 400, exit: "failure", meaning: "A file is no packed version, or its content does not match its digests." },
  reference: { status: 400, exit: "usage", meaning: "A place in a registry is not HOST/REPOSITORY:TAG." },
  remote: {
    status: 502,
    exit: "environment",
    meaning: "A registry cannot be reached, refuses, or violates the distribution specification; the error has its message.",
  },
  tampered: { status: 500, exit: "failure", meaning: "A file of a version is not what was recorded; version and file are named." },
});
