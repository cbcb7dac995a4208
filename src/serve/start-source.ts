/**
 * What the console's page Start reads and does: parts of the project's file as forms, and one run at a time. A port: the application gives functions over
 * its project. The types follow from the schemas of `http/console-answers/starting.ts`.
 */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type { editedPart, shownPartForm, shownParts, startedRun } from "./http/console-answers/starting.ts";

interface PartEditGiven {
  readonly changes: readonly { readonly path: string; readonly value: string | null }[];
  readonly labels?: string | undefined;
  /** Of the file that the form was made from. */
  readonly digest?: string | undefined;
  readonly write?: boolean | undefined;
}

export interface StartSource {
  parts(): Promise<Answered<z.output<typeof shownParts>>>;
  /** Errors: project/argument, project/nothing. */
  form(path: string, labels: string | undefined): Promise<Answered<z.output<typeof shownPartForm>>>;
  /** Errors: project/argument, base/syntax, project/changed. */
  edit(path: string, given: PartEditGiven): Promise<Answered<z.output<typeof editedPart>>>;
  /** The newest run with the end of its output; null: none was started. */
  state(): Promise<Answered<z.output<typeof startedRun>> | null>;
  /** `path`: a part; empty: the whole project. Errors: project/running, project/argument. */
  start(path: string, force: boolean, by: string): Promise<Answered<z.output<typeof startedRun>>>;
  /** Errors: project/nothing. */
  stop(by: string): Promise<Answered<z.output<typeof startedRun>>>;
}
