/** `loam keys`: keys of encryption at rest are made, listed, rotated and checked, and a record in the clear is encrypted. No key is ever shown. */
import { formatBytes, formatCount, withDetails } from "../../base/index.ts";
import { KeyCalls, wrongArgument } from "../../project/index.ts";
import { storeErrors } from "../../store/index.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const actions: Readonly<Record<string, (keys: KeyCalls, context: Context, options: Options) => Promise<void>>> = {
  async create(keys, { out }) {
    const made = await keys.create();
    out.line(`  key ${made.key} in ${made.service}`);
    out.line("  Keep a copy of the file elsewhere: without it nobody can read the project. `loam keys rotate` puts a new key to use.");
    out.result(made);
  },
  async list(keys, { out }) {
    const found = await keys.list();
    out.line(`  key encryption keys in ${found.service}: ${found.encryptionKeys.join(", ")}`);
    for (const k of found.dataKeys)
      out.line(
        `  ${k.id}  ${k.kind.padEnd(8)}  ${k.created.slice(0, 10)}  ${k.destroyed ? `destroyed ${k.destroyed.slice(0, 10)}` : `wrapped by ${k.kek}`}`,
      );
    out.result(found);
  },
  async rotate(keys, { out }, options) {
    const done = await keys.rotate({ newData: options.newDataKey === true });
    out.line(`  ${formatCount(done.wrapped)} data keys are wrapped by ${done.key}; no stored file was changed`);
    out.result(done);
  },
  async check(keys, { out }) {
    const found = await keys.check();
    for (const f of found.failed) out.line(`  ${f.id}  ${f.problem}`);
    out.line(
      `  ${formatCount(found.opened)} data keys open, ${formatCount(found.failed.length)} do not, ${formatCount(found.destroyed)} destroyed`,
    );
    if (!found.ok) {
      const error = storeErrors.fail("keyWrong", {
        place: "key ring",
        expected: "data keys that open",
        received: `${formatCount(found.failed.length)} that do not`,
        hint: "Restore the key encryption key, or the key ring's folder, from its copy.",
      });
      throw withDetails(error, found);
    }
    out.result(found);
  },
  async encrypt(keys, { out }) {
    const done = await keys.encrypt();
    out.line(
      `  encrypted ${done.database ? "the database, " : ""}${formatCount(done.smallBlobs)} small files and ${formatCount(done.blobs)} files (${formatBytes(done.sizeBytes)})`,
    );
    out.result(done);
  },
};

export const keys: VerbRun = async (context, args, options) => {
  const action = String([args].flat(2)[0] ?? "");
  const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (!run) throw wrongArgument("loam keys", Object.keys(actions).join(", "), action === "" ? "nothing" : `"${action}"`);
  await inProject(context, options, at => run(new KeyCalls(at), context, options));
};
