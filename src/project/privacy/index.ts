/** What a project holds of a person, and erasing it. */
export {
  type AttackFigures,
  type EraseOptions,
  type ErasureCertificate,
  type ErasureStatement,
  eraseSubject,
  isAbout,
  isCertificate,
  type MeasuredErasure,
} from "./erase-subject.ts";
export type { ErasurePlace } from "./places.ts";
export type { OwnedFile } from "./served-files.ts";
export { type SubjectData, type SubjectDocument, type SubjectOptions, type SubjectVote, subjectData } from "./subject-data.ts";
export { type TableAnonymity, type TableAnonymityOptions, tableAnonymity } from "./table-anonymity.ts";
