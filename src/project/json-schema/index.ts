/** JSON Schemas of configuration files, for editors and docs. */
export { type ConfigurationFileName, configurationFiles, jsonSchemaOf } from "./json-schema.ts";
