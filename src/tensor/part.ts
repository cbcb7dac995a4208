/** Names that `loam.yaml` may say of a device. */
export { deviceNames } from "./device-names.ts";
