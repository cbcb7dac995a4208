/** A base that no link makes: a version of the record, brought in by `loam models import` or made before. */
import { isLoamError } from "../../base/index.ts";
import { openArtifact, resolveVersion, type Store } from "../../store/index.ts";
import { projectErrors } from "../errors.ts";
import type { Link } from "../link.ts";

async function artifactOf(store: Store, base: string, place: string) {
  const [name = "", which = "latest"] = base.split("@");
  try {
    const version = await resolveVersion(store.records.read, name, which);
    return await openArtifact(store, version.artifact);
  } catch (error) {
    if (!isLoamError(error, "store/notFound")) throw error;
    throw projectErrors.fail(
      "reference",
      {
        place: `loam.yaml: models.${place}`,
        expected: "a model of the file or of the project's record",
        received: `"${base}"`,
        hint: `Bring it in: loam models import FOLDER --name ${name}`,
      },
      error,
    );
  }
}

/** `place` is where the file names it, such as `topics.base`. */
export const baseLink = (base: string, place: string): Link => ({
  stage: "import",
  label: base,
  inputs: {},
  describe: s => `${s.family ?? "model"} of ${Number(s.parameters ?? 0).toLocaleString("en-US")} parameters`,
  async plan(store) {
    const artifact = await artifactOf(store, base, place);
    return { action: "reuse", recipe: artifact.digest, id: artifact.id, artifact, missing: [] };
  },
  run: async store => ({ artifact: await artifactOf(store, base, place), action: "reused", tookMs: 0, repeated: false }),
});
