/** A tuned model is deleted: it answers no more, and its version stays in the record, archived, as what others may have been made of. */
import { type Fleet, serveErrors } from "../../serve/index.ts";
import { resolveVersion, type Store, setMark } from "../../store/index.ts";

/** Errors: serve/inUse while an alias, a label or a weight points at it; nothing is changed then. */
export async function removeModel(store: Store, fleet: Fleet, name: string, version: number): Promise<void> {
  const check = async (db: Store["records"]["read"]) => {
    const { aliases } = await resolveVersion(db, name, String(version));
    const pointing = aliases.filter(a => a !== "latest");
    if (pointing.length > 0)
      throw serveErrors.fail("inUse", {
        place: `${name}@${version}`,
        expected: "a version without an alias",
        received: pointing.join(", "),
        hint: "Promote another version first, or roll back.",
      });
  };
  await check(store.records.read);
  // a label that the server still has of an alias that is gone
  await fleet.followAliases(name);
  const isServed = fleet.list().some(v => v.name === name && v.version === version);
  if (isServed) await fleet.unload(name, version);
  try {
    await setMark(store, { model: name, number: version, kind: "stage", key: "stage", value: "archived" }, check);
  } catch (error) {
    // somebody pointed an alias at it meanwhile
    if (isServed) fleet.offer(name, version);
    throw error;
  }
}
