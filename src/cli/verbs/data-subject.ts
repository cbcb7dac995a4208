/** `loam data subject`, `loam data forget --everywhere`: what a project holds of a person, and erasing it with a certificate. */
import { resolve } from "node:path";
import { formatCount, readText, writeFileAtomic } from "../../base/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { type ErasureCertificate, eraseSubject, type SubjectData, subjectData } from "../../project/privacy/index.ts";
import { forgettingMethods } from "../../project/unlearning/index.ts";
import { signerOf } from "../../registry/index.ts";
import { askYes } from "../data/ask-yes.ts";
import { choiceOption, textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const personOf = (verb: string, args: readonly unknown[]): string => {
  const given = [args].flat(3).filter((t): t is string => typeof t === "string" && t !== "");
  if (given.length === 1) return given[0]!;
  throw wrongArgument(verb, "the id of one person, such as user:ann", given.length === 0 ? "nothing" : `${given.length} ids`);
};

function show({ out }: Context, data: SubjectData): void {
  out.line(
    `  ${formatCount(data.documents.length)} documents, ${formatCount(data.feedback)} remembered requests, ${formatCount(data.samples.length)} examples of requests, ${formatCount(data.files.length)} files, ${formatCount(data.votes.length)} labels, ${formatCount(data.acts.length)} acts`,
  );
  for (const d of data.documents.slice(0, 20))
    out.line(`  ${d.id}  ${d.side}, since ${d.since.slice(0, 10)}, purpose: ${d.purpose ?? "not stated"}`);
  if (data.models.length > 0) out.line(`  Models trained on them: ${data.models.join(", ")}`);
  for (const place of data.notSearched) out.line(`  Not searched: ${place}`);
}

export const dataSubject: VerbRun = async (context, args, options) => {
  const subject = personOf("loam data subject", args);
  await inProject(context, options, async at => {
    const data = await subjectData(at, subject, { attribute: textOption(options, "attribute") });
    show(context, data);
    const to = textOption(options, "to");
    if (to !== undefined) {
      writeFileAtomic(resolve(context.cwd, to), `${JSON.stringify(data, null, 2)}\n`, { mode: 0o600 });
      context.out.line(`  written to ${to}`);
    }
    context.out.result({ ...data });
  });
};

function showCertificate({ out }: Context, { statement: s, digest, signature }: ErasureCertificate): void {
  out.line(
    `  erased ${formatCount(s.erased.documents)} documents, ${formatCount(s.erased.requests)} remembered requests, ${formatCount(s.erased.files)} files, ${formatCount(s.erased.keys)} keys, ${formatCount(s.erased.actFields)} fields of acts`,
  );
  for (const m of s.models) out.line(`  ${m.version}: ${m.treated}`);
  for (const u of s.unlearned ?? [])
    out.line(
      u.failed === undefined
        ? `  ${u.version}: ${u.of} without them by ${u.method}; membership AUC ${u.before?.auc.toFixed(3)} before, ${u.after?.auc.toFixed(3)} after, ${u.isWithinNeverSeen ? "within" : "NOT within"} the interval of never-seen texts`
        : `  ${u.of}: not unlearned: ${u.failed}`,
    );
  for (const place of s.notReached) out.line(`  Not reached: ${place}`);
  out.line(`  certificate ${digest.slice(0, 16)}${signature ? `, signed by key ${signature.key}` : ", not signed (--sign KEY signs it)"}`);
  if (s.remaining.length > 0) out.line(`\n  next: ${s.remaining.join("; ")}`);
}

/** `loam data forget --everywhere`: the argument is a person. */
export async function forgetEverywhere(context: Context, args: readonly unknown[], options: Options): Promise<void> {
  const subject = personOf("loam data forget --everywhere", args);
  await inProject(context, options, async at => {
    const key = textOption(options, "sign");
    const signer = key === undefined ? undefined : signerOf(readText(resolve(context.cwd, key)), key);
    const attribute = textOption(options, "attribute");
    const unlearn = choiceOption(options, "unlearn", "data forget --everywhere", forgettingMethods);
    const data = await subjectData(at, subject, { attribute });
    show(context, data);
    if (options.dryRun === true) return context.out.result({ event: "result", ...data });
    await askYes(context, options, "loam data forget --everywhere", `\nErase everything that is held of ${subject}?`);
    const erased = await eraseSubject(
      at,
      subject,
      { attribute, apply: options.apply === true, unlearn, copies: options.copies === true, signer },
      watchOf(context),
    );
    const to = textOption(options, "certificate");
    if (to !== undefined) writeFileAtomic(resolve(context.cwd, to), `${JSON.stringify(erased, null, 2)}\n`);
    showCertificate(context, erased);
    context.out.result({ event: "result", ...erased });
  });
}
