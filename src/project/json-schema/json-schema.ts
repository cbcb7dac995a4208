/** The JSON Schemas of `loam.yaml` and `gateway.yaml` (draft 2020-12), for editors: made from the schemas that check the files. */
import { z } from "zod";
import { defined } from "../../base/index.ts";
import { type Json, writtenFormOf } from "../../base/part.ts";
import { gatewayFilePart } from "../../gateway/part.ts";
import { projectDocument } from "../part.ts";
import { withSharedDefinitions } from "./shared-definitions.ts";

type Schema = Record<string, unknown>;

const convert = (schema: z.ZodType): Schema =>
  z.toJSONSchema(schema, {
    io: "input",
    target: "draft-2020-12",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      // zod's bounds of every whole number, of which no reader is told
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      const written = writtenFormOf(zodSchema);
      if (written === undefined) return;
      const { description, default: usual } = jsonSchema;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key as keyof typeof jsonSchema];
      const { $schema: _, ...other } = convert(written);
      Object.assign(jsonSchema, defined({ description, default: usual }), other);
    },
  }) as Schema;

interface ConfigurationFile {
  readonly title: string;
  readonly description: string;
  readonly schema: () => z.ZodType;
}

/** Files that a JSON Schema describes, by the word of `loam schema`. */
export const configurationFiles = {
  loam: { title: "loam.yaml", description: "A Loam project: data, models, searches, releases, serving.", schema: projectDocument },
  gateway: { title: "gateway.yaml", description: "Loam's API gateway: upstreams, models, access, limits.", schema: gatewayFilePart },
} as const satisfies Record<string, ConfigurationFile>;
export type ConfigurationFileName = keyof typeof configurationFiles;

/** What editors and validators take: every key with its description, default and examples; unknown keys are refused. */
export function jsonSchemaOf(name: ConfigurationFileName): Json {
  const { title, description, schema } = configurationFiles[name];
  const { $schema, ...rest } = convert(schema());
  return { $schema, title, description, ...withSharedDefinitions(rest) } as Json;
}
