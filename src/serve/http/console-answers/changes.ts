/** The event stream of changes: which resources have a newer revision. */
import { z } from "zod";

const revision = z.int();
const revisions = z.strictObject({
  artifacts: revision.describe("artifacts, model versions, aliases, gates, approvals"),
  runs: revision.describe("runs under way and their logs"),
  labels: revision.describe("label sets"),
  jobs: revision.describe("fine-tuning jobs"),
  serving: revision.describe("loaded versions, their labels and weights, adapters"),
  engine: revision.describe("load of the engines"),
  watch: revision.describe("figures, objectives, alarms, drift and quality of served versions"),
});
export type ChangeTopic = keyof z.output<typeof revisions>;
export const changeTopics = Object.keys(revisions.shape) as readonly ChangeTopic[];

export const changes = z.strictObject({ revisions: revisions.partial() }).meta({
  id: "Changes",
  description:
    "Data of an event: new revisions by topic. The first event names all topics, later ones those that changed. A revision only says that what the topic covers may have changed.",
});
export type Changes = z.output<typeof changes>;
