/** What a server's console starts: parts of loam.yaml as forms, changed with their comments kept, and runs in a process of their own. */
export { type FormField, formFields } from "./form-fields.ts";
export {
  type EditedPart,
  editPart,
  type PartChange,
  type PartEdit,
  type PartForm,
  type PartKind,
  type ProjectPart,
  partForm,
  projectParts,
} from "./project-parts.ts";
export { ProjectRunner, type RunOutcome, runLogFile, type StartedRun } from "./project-runner.ts";
export { type ProjectStarts, startSource } from "./start-source.ts";
