/**
 * `loam data forget`: documents leave a data set for good. Shows what hangs on them, writes their ids under `forget:` of loam.yaml, makes the
 * data anew, and says who took their places and what of the record still holds them.
 */
import { formatBytes, formatCount } from "../../base/index.ts";
import type { Heir } from "../../data/index.ts";
import { applyForget, type Erasure, type ForgetListener, type ForgetPlan, fewIds, planForget } from "../../project/data/index.ts";
import { projectFile, wrongArgument } from "../../project/index.ts";
import { askYes } from "../data/ask-yes.ts";

import { watchOf } from "../show-call.ts";
import type { Context, VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";
import { forgetEverywhere } from "./data-subject.ts";

/** Ids and copies that are listed. */
const listed = 8;
const count = (n: number, one: string, many = `${one}s`): string => `${formatCount(n)} ${n === 1 ? one : many}`;
const modelNames = (models: ForgetPlan["trainedOnThem"]): string[] =>
  models.map(m => (m.versions.length > 0 ? `${m.versions.join(", ")} (${m.artifact})` : m.artifact));
const versionsAre = (versions: readonly string[]): string => `${versions.join(", ")} ${versions.length === 1 ? "was" : "were"}`;

function show({ out }: Context, plan: ForgetPlan): void {
  out.line(`  data/${plan.name}   ${plan.artifact}\n`);
  for (const d of plan.documents) {
    out.line(`  ${d.id}  ${d.side}, ${formatBytes(d.sizeBytes)}, read from ${d.source}`);
    if (d.standsFor.length > 0)
      out.line(
        `      stays for ${count(d.standsFor.length, "copy, which takes its place", "copies, one of which takes its place")}: ${fewIds(d.standsFor)}`,
      );
    if (d.survivor !== undefined) out.line(`      dropped as a copy; ${d.survivor} stays and holds nearly the same text`);
  }
  if (plan.copies.length > 0)
    out.line(
      `\n  ${count(plan.copies.length, "document is", "documents are")} alike and not forgotten: ${fewIds(plan.copies)}\n  (--copies forgets them too)`,
    );
  if (plan.holders.length > 0) {
    out.line("\n  Artifacts that hold them");
    for (const h of plan.holders)
      out.line(
        `      ${h.artifact.padEnd(26)} ${count(h.documents, "document")}${h.versions.length > 0 ? `; ${versionsAre(h.versions)} made of it` : ""}`,
      );
  }
  if (plan.trainedOnThem.length > 0) out.line(`\n  Models trained on them: ${modelNames(plan.trainedOnThem).join("; ")}`);
  if (plan.heldOutFrom.length > 0) out.line(`  Models measured on them: ${modelNames(plan.heldOutFrom).join("; ")}`);
  out.line(`\n  ${projectFile}: data.${plan.name}.forget gets ${fewIds(plan.documents.map(d => d.entry))}`);
}

function showHeirs({ out }: Context, found: readonly Heir[]): void {
  for (const h of found.slice(0, listed))
    out.line(
      h.side === "dropped"
        ? `  ${h.id}  dropped${h.survivor === undefined ? "" : `; ${h.survivor} stays in its place`}`
        : `  ${h.id}  stays now, on the side ${h.side}`,
    );
  if (found.length > listed) out.line(`  and ${formatCount(found.length - listed)} more`);
}

function showErasure({ out }: Context, { freed, held }: Erasure): void {
  if (freed.length === 0 && held.length === 0) {
    out.line("\n  No stored artifact contains them any more.");
    return;
  }
  out.line("\n  What holds them still");
  if (freed.length > 0) out.line(`      ${freed.join(", ")}: nothing needs it; loam gc --apply removes it`);
  for (const h of held)
    out.line(
      `      ${h.artifact}: ${h.versions.length > 0 ? `${versionsAre(h.versions)} trained on it; retrain without them (loam run), then loam gc --apply` : "in use; loam gc tells by what"}`,
    );
  out.line(
    "      Lists of ids stay in the artifact store, so that old responses can be traced; sources and exported folders are yours to change.",
  );
}

/** Lines between the stages. */
const listener = (context: Context): ForgetListener => ({
  onSet(set) {
    if (set.heirs.length > 0) context.out.line("\n  Who took their places");
    showHeirs(context, set.heirs);
    showErasure(context, set);
  },
  onCachesRemoved(removed, runs) {
    if (runs > 0)
      context.out.warn(
        `loam: ${count(runs, "run is", "runs are")} under way and may have read them: run loam data forget again when ${runs === 1 ? "it has" : "they have"} ended.`,
      );
    if (removed.length > 0) context.out.line(`      removed ${removed.join(", ")}, which may have held them and only save time`);
  },
  onVersion: version => context.out.line(`  ${version}`),
  onCollected: (artifacts, bytes) => context.out.line(`  removed ${count(artifacts, "artifact")}, ${formatBytes(bytes)}`),
  onErasure: left => showErasure(context, left),
});

export const dataForget: VerbRun = async (context, args, options) => {
  if (options.everywhere === true) return forgetEverywhere(context, args, options);
  const { out } = context;
  const texts = [args].flat(2).filter((t): t is string => typeof t === "string" && t !== "");
  if (texts.length === 0) throw wrongArgument("loam data forget", "ids of documents", "none", "`loam data explain` shows one.");
  await inProject(context, options, async at => {
    const watch = watchOf(context);
    const plans = await planForget(at, texts, { copies: options.copies === true, hashed: options.hashed === true }, watch);
    for (const plan of plans) show(context, plan);
    if (plans.length === 0) return out.result({ event: "result", forgotten: [], ran: 0 });
    out.event("plan", { plans });
    if (options.dryRun === true) return out.result({ event: "result", forgotten: [], ran: 0 });
    const documents = plans.reduce((n, p) => n + p.documents.length, 0);
    await askYes(context, options, "loam data forget", `\nForget ${count(documents, "document")} and rebuild the data?`);
    const result = await applyForget(at, plans, { apply: options.apply === true }, watch, listener(context));
    const { remaining } = result;
    out.line(remaining.length > 0 ? `\n  next: ${remaining.join("; ")}` : "\n  nothing remains to be done");
    out.result({ event: "result", ...result });
  });
};
