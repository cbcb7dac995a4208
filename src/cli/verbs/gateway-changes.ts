/**
 * `loam gateway changes`: who changed keys and configuration, when. `--verify` walks the chain of hashes and says the first entry that does not fit;
 * `--export` writes the entries as JSON lines, and `--verify-file` verifies such a file without the state.
 */
import { resolve } from "node:path";
import { readText, writeFileAtomic } from "../../base/index.ts";
import { type ChangeEntry, changesOf, changesText, verifyEntries } from "../../gateway/index.ts";
import { projectErrors } from "../../project/index.ts";
import { administered } from "../gateway/administration.ts";
import { textOption } from "../options.ts";
import type { Context, VerbRun } from "../verb.ts";

const place = "loam gateway changes";

/** What an entry is about, for a line. */
const subjectOf = ({ detail }: ChangeEntry): string =>
  ["kind", "prefix", "name", "subject", "digest"]
    .flatMap(key => (typeof detail[key] === "string" ? [detail[key].slice(0, 24)] : []))
    .join(" ");

function finish({ out }: Context, entries: readonly ChangeEntry[], finding: string | null | undefined, written?: string): void {
  const head = entries.at(-1)?.head ?? null;
  if (finding === null) out.line(`  ${entries.length} entries fit together. Note the head elsewhere: ${head ?? "none yet"}.`);
  out.result({
    entries,
    head,
    ...(finding === undefined ? {} : { verified: finding === null, finding }),
    ...(written === undefined ? {} : { written }),
  });
  if (finding !== null && finding !== undefined)
    throw projectErrors.fail("damaged", { place, message: finding, hint: "It was changed from outside: restore it from a copy." });
}

export const gatewayChanges: VerbRun = async (context, _words, options) => {
  const { out, cwd } = context;
  const head = textOption(options, "head");
  const file = textOption(options, "verifyFile");
  if (file !== undefined) {
    const entries = changesOf(await readText(resolve(cwd, file)), file);
    return finish(context, entries, verifyEntries(entries, head));
  }
  const to = textOption(options, "export");
  const { entries, finding } = await administered(context, options, place, async a => {
    const entries = await a.changes();
    // what is written away was verified; so is what is held against a head
    const verifies = options.verify === true || to !== undefined || head !== undefined;
    return { entries, finding: verifies ? ((await a.verifyChanges()) ?? verifyEntries(entries, head)) : undefined };
  });
  if (to !== undefined) {
    await writeFileAtomic(resolve(cwd, to), changesText(entries));
    out.line(`  ${entries.length} entries are written to ${to}. Verify it any time: loam gateway changes --verify-file ${to}`);
  } else
    for (const e of entries)
      out.line(
        `  ${String(e.position).padStart(5)}  ${new Date(e.atMs).toISOString().slice(0, 19)}Z  ${e.what.padEnd(17)} ${e.by.padEnd(16)} ${subjectOf(e)}`,
      );
  finish(context, entries, finding, to);
};
