/**
 * `loam gateway changes`: who changed keys and configuration, when. `--verify` walks the chain of hashes and says the first entry that does not fit;
 * `--export` writes the entries as JSON lines, and `--verify-file` verifies such a file without the state.
 */
import { resolve } from "node:path";
import { defined } from "../../base/index.ts";
import type { ChangeEntry } from "../../gateway/index.ts";
import { type ChangeList, changesInFile, projectChangeList } from "../../project/gateway/index.ts";
import { projectErrors } from "../../project/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import { textOption } from "../options.ts";
import type { Context, VerbRun } from "../verb.ts";

/** What an entry is about, for a line. */
const subjectOf = ({ detail }: ChangeEntry): string =>
  ["kind", "prefix", "name", "subject", "digest"]
    .flatMap(key => (typeof detail[key] === "string" ? [detail[key].slice(0, 24)] : []))
    .join(" ");

function finish({ out }: Context, { entries, head, finding }: ChangeList, written?: string): void {
  if (finding === null) out.line(`  ${entries.length} entries fit together. Note the head elsewhere: ${head ?? "none yet"}.`);
  out.result({
    entries,
    head,
    ...(finding === undefined ? {} : { verified: finding === null, finding }),
    ...defined({ written }),
  });
  if (finding !== null && finding !== undefined)
    throw projectErrors.fail("damaged", {
      place: "loam gateway changes",
      message: finding,
      hint: "It was changed from outside: restore it from a copy.",
    });
}

export const gatewayChanges: VerbRun = async (context, _words, options) => {
  const { out, cwd } = context;
  const head = textOption(options, "head");
  const file = textOption(options, "verifyFile");
  if (file !== undefined) return finish(context, changesInFile(resolve(cwd, file), file, head));
  const to = textOption(options, "export");
  const path = to === undefined ? undefined : resolve(cwd, to);
  const list = await projectChangeList(gatewayAt(context, options), { verify: options.verify === true, export: path, head });
  if (to !== undefined)
    out.line(`  ${list.entries.length} entries are written to ${to}. Verify it any time: loam gateway changes --verify-file ${to}`);
  else
    for (const e of list.entries)
      out.line(
        `  ${String(e.position).padStart(5)}  ${new Date(e.atMs).toISOString().slice(0, 19)}Z  ${e.what.padEnd(17)} ${e.by.padEnd(16)} ${subjectOf(e)}`,
      );
  finish(context, list, to);
};
