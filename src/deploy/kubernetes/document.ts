/** An object as a YAML document: long lines stay whole, nothing is shared by anchors. */
import { stringify } from "yaml";

export const yamlDocument = (value: object): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
