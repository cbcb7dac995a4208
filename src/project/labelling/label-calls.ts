/** `project.labels`: texts for people to label, and what they gave. */

import { existsSync, readFileSync } from "node:fs";
import type { LabelGiven } from "../../serve/index.ts";
import { nearestHint, projectErrors, wrongArgument } from "../errors.ts";
import type { Workspace } from "../workspace.ts";
import { type ExportedLabels, type ExportLabelsOptions, exportedLabels } from "./exported-labels.ts";
import { labelledFile } from "./label-files.ts";
import type { LabelBatch, LabelDisagreements, LabelledSet } from "./label-source.ts";

/** Texts come as they were drawn: a classifier orders them where a server asks it. */
export class LabelCalls {
  readonly #at: Workspace;

  constructor(at: Workspace) {
    this.#at = at;
  }

  async #source() {
    return (await import("./label-source.ts")).labelSource(this.#at.file, await this.#at.store());
  }

  #known<T>(name: string, found: T | undefined): T {
    if (found !== undefined) return found;
    const known = Object.keys(this.#at.file.config.labels);
    throw wrongArgument(
      "labels",
      `one of ${known.join(", ") || "the sets under labels: of loam.yaml, which has none"}`,
      `"${name}"`,
      nearestHint(name, known),
    );
  }

  /** The sets under `labels:` of loam.yaml, with how many texts are decided and how far people agree. */
  async sets(): Promise<readonly LabelledSet[]> {
    return (await this.#source()).sets();
  }

  /** Texts that a person has not labelled yet, some at once. Errors: project/argument for a set that loam.yaml does not define. */
  async batch(set: string, by: string): Promise<LabelBatch> {
    return this.#known(set, await (await this.#source()).batch(set, by));
  }

  /** Texts on which people differ, with who gave what; `give` with `adjudicated` decides one. Errors: project/argument. */
  async disagreements(set: string): Promise<LabelDisagreements> {
    return this.#known(set, await (await this.#source()).disagreements(set));
  }

  /** Keeps a person's label of a text, or with null takes it back. Errors: project/argument, serve/parameter for a text or class that is none of the set's. */
  async give(set: string, given: LabelGiven): Promise<LabelledSet> {
    return this.#known(set, await (await this.#source()).give(set, given));
  }

  /** The labelled texts as JSON Lines for a trainer. Errors: project/argument, project/nothing where no text is labelled yet. */
  async export(set: string, options: ExportLabelsOptions): Promise<ExportedLabels> {
    const { folder, config } = this.#at.file;
    this.#known(set, config.labels[set]);
    const path = labelledFile(folder, set);
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (text === "")
      throw projectErrors.fail("nothing", {
        place: `labels.${set}`,
        message: "no text is labelled yet",
        hint: "Label texts on the console's page Labels: `loam console`.",
      });
    return exportedLabels(text, path, options);
  }
}
