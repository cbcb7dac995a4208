/** What a version has to show before it is loaded to be served: the signatures that `serve` or the release of its alias asks for. */
import { checkedFiles, checkSigned, registryErrors, releaseRules } from "../../registry/index.ts";
import { type AliasGuard, type FileRecord, listGuards, resolveVersion, type Store } from "../../store/index.ts";
import type { Found } from "../serving/find-model.ts";
import { keysOf } from "./guards-of.ts";

/** The files of a version, by name and digest. Errors: registry/tampered where the record lists others than were registered. */
export const filesOf = async (store: Store, model: string, number: number): Promise<readonly FileRecord[]> =>
  checkedFiles(store.records.read, await resolveVersion(store.records.read, model, String(number)));

/** Errors: registry/signature, registry/key. */
export async function checkTrusted({ model, project }: Pick<Found, "model" | "project">, name: string, number: number): Promise<void> {
  const keys = project?.config.serve ? keysOf(project, project.config.serve.signedBy, "serve.signedBy") : [];
  if (model.kind === "files") {
    if (keys.length > 0)
      throw registryErrors.fail("signature", {
        place: name,
        expected: "a version with a signature, as serve.signedBy asks",
        received: "files, which have none",
        hint: "Import and sign them.",
      });
    return;
  }
  const db = model.store.records.read;
  const version = await resolveVersion(db, name, String(number));
  if (keys.length > 0) await checkSigned(db, version, keys);
  for (const { alias, rules } of await listGuards(db)) {
    const { signedBy, models } = releaseRules.parse(rules);
    if (signedBy.length > 0 && version.aliases.includes(alias) && (models?.includes(name) ?? true))
      await checkSigned(db, version, signedBy);
  }
}

/** Which labels of which models only the record may point. */
export const isGuardedOf =
  (guards: readonly AliasGuard[]) =>
  (name: string, label: string): boolean =>
    guards.some(g => g.alias === label && (g.rules.models?.includes(name) ?? true));
