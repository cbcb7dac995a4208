/** Changes of a YAML file that keep comments and layout. */
export { type Change, editYaml, flow } from "./edit-yaml.ts";
