/** The codes of this module: blobs, records, locks, the log, and what people name. */
import { errorTable } from "../base/index.ts";

export const storeErrors = errorTable("store", {
  url: { status: 400, exit: "usage", meaning: "The place of the records or of the blobs is not a URL that Loam knows." },
  blobMissing: {
    status: 410,
    exit: "failure",
    meaning: "A recorded file is no longer among the blobs; the stage that made it can make it again.",
  },
  blobDamaged: { status: 500, exit: "failure", meaning: "The bytes of a blob no longer match the digest they were recorded under." },
  blobsUnreachable: {
    status: 503,
    exit: "environment",
    meaning: "The object store does not answer, or refuses these credentials or this bucket.",
  },
  recordsCorrupt: { status: 500, exit: "failure", meaning: "The metadata database is damaged or is not a database." },
  recordsNewer: { status: 500, exit: "environment", meaning: "The artifact store was written by a newer Loam than this one." },
  recordsBusy: { status: 503, exit: "failure", meaning: "Another process locked the metadata database for longer than the time allowed." },
  recordsUnreachable: { status: 503, exit: "environment", meaning: "The PostgreSQL server does not answer or refuses this user." },
  notFound: { status: 404, exit: "usage", meaning: "Nothing recorded has this id, model version, digest or document id." },
  ambiguous: { status: 400, exit: "usage", meaning: "A shortened id fits more than one artifact." },
  refused: {
    status: 422,
    exit: "failure",
    meaning: "A stage failed on these same inputs before, so it is not run again; the error has its message.",
  },
  noSuchFile: { status: 404, exit: "failure", meaning: "An artifact has no file of this name." },
  fileName: { status: 400, exit: "failure", meaning: "A stage wrote a file under a name that is not allowed, or twice." },
  input: { status: 400, exit: "usage", meaning: "A stage was given an input it does not take, or not one that it needs." },
  name: { status: 400, exit: "usage", meaning: "A model name or alias has characters that are not allowed." },
  guarded: {
    status: 403,
    exit: "failure",
    meaning: "An alias has a guard, and what it asks for has not been met: it is moved by a promotion or a rollback only.",
  },
  conflict: {
    status: 409,
    exit: "failure",
    meaning: "Somebody else moved the alias, changed its guard or archived the version meanwhile.",
  },
  locked: { status: 409, exit: "failure", meaning: "A live process is making the same artifact; its owner and age are named." },
  lockLost: {
    status: 409,
    exit: "failure",
    meaning: "The lock was taken over by another process because its owner gave no sign of life; nothing was recorded.",
  },
  inUse: { status: 409, exit: "failure", meaning: "Files cannot be removed while a stage is running; its owner and age are named." },
  keyService: {
    status: 503,
    exit: "environment",
    meaning: "The key service did not wrap or unwrap a key: unreachable, refused, or a file that others may read.",
  },
  keyMissing: {
    status: 500,
    exit: "environment",
    meaning: "Encrypted data need a key that is not there: no key is configured, or the key ring or the key file lacks it.",
  },
  keyWrong: {
    status: 500,
    exit: "environment",
    meaning: "A key of the key ring cannot be unwrapped with the configured key encryption key.",
  },
  keyDestroyed: {
    status: 410,
    exit: "failure",
    meaning: "The key of these data was destroyed when a person's data were erased; nobody can read them any more.",
  },
  sealDamaged: { status: 500, exit: "failure", meaning: "Encrypted bytes do not authenticate: changed, cut short, or of another object." },
  noMemoryFiles: {
    status: 500,
    exit: "environment",
    meaning: "Encryption at rest keeps decrypted files in memory, and this machine has no file system for them.",
  },
  act: { status: 400, exit: "usage", meaning: "An act lacks who, what or on what, or its evidence is no digest." },
  note: { status: 400, exit: "usage", meaning: "A checkpoint, signature or verifier key of a log is not in the form of C2SP." },
  logBroken: { status: 500, exit: "failure", meaning: "The tamper-evident log does not fit together, so nothing can be appended to it." },
});
