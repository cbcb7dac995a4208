/** An object as it is written: a YAML document whose long lines stay whole, with nothing shared by anchors. */
import { stringify } from "yaml";

/** An object of Kubernetes as it is written. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

export const yamlDocument = (value: object): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
