/** `loam schema`: the JSON Schema of a configuration file, as `npm run docs` writes it to docs/loam.schema.json. */
import { nearest } from "../../base/index.ts";
import { type ConfigurationFileName, configurationFiles, jsonSchemaOf } from "../../project/json-schema/index.ts";
import { cliErrors } from "../errors.ts";
import type { VerbRun } from "../verb.ts";

type Name = ConfigurationFileName;
const names = Object.keys(configurationFiles) as Name[];

/** `loam`, and `loam.yaml` too. */
const nameOf = (given: string): Name | undefined => names.find(name => given === name || given === configurationFiles[name].title);

export const schemaVerb: VerbRun = async ({ out }, [given = "loam"]) => {
  const name = nameOf(given);
  if (name === undefined) {
    const near = nearest(given, names);
    throw cliErrors.fail("usage", {
      place: "loam schema",
      expected: `one of ${names.join(", ")}`,
      received: `"${given}"`,
      ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
    });
  }
  const document = jsonSchemaOf(name);
  out.piece(`${JSON.stringify(document, null, 2)}\n`);
  out.result(document as object);
};
