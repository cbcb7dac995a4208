/** A version of the record as a served model: its artifact's weights on a device, its tokenizer, its names. */
import { loadModel } from "../../nn/index.ts";
import type { ServedModel } from "../../serve/index.ts";
import { openArtifact, resolveVersion, type Store } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { chatTemplate, endToken, loadTokenizer } from "../../text/index.ts";
import { cliErrors } from "../errors.ts";

/** In an artifact whose model was taught to chat. */
const templateFile = "chat-template.jinja";

/** `name` or `name@version`, where version is a number or an alias. Errors: store/notFound, cli/family, and those of the model's files. */
export async function openVersion(store: Store, device: Device, wanted: string): Promise<ServedModel> {
  const [name = "", which = "latest"] = wanted.split("@");
  const version = await resolveVersion(store.records.read, name, which);
  const artifact = await openArtifact(store, version.artifact);
  const tokenizer = loadTokenizer((await artifact.read("tokenizer.json")).toString("utf8"), { place: `${artifact.id}: tokenizer.json` });
  const model = await loadModel(artifact, device);
  if (model.family !== "decoder")
    throw cliErrors.fail("family", {
      place: `${wanted} (${artifact.id})`,
      expected: "a decoder, which continues texts",
      received: `an ${model.family}`,
    });
  const end = tokenizer.specials.get(endToken);
  const hasTemplate = artifact.files.some(f => f.name === templateFile);
  return {
    id: `${name}@${version.number}`,
    aliases: [...version.aliases.map(alias => `${name}@${alias}`), ...(version.aliases.includes("latest") ? [name] : [])],
    family: model.family,
    config: model.config,
    parameters: model.parameters,
    tokenizer,
    fingerprint: artifact.digest,
    ...(hasTemplate ? { chatTemplate: chatTemplate((await artifact.read(templateFile)).toString("utf8")) } : {}),
    ...(end === undefined ? {} : { startToken: end, stopTokens: [end] }),
    name,
    version: version.number,
    artifact: artifact.id,
    createdAt: version.createdMs,
  };
}
