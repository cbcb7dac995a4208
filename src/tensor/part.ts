/** Names that `loam.yaml` may say of a device. */
export { fixedDeviceNames, pjrtPrefix } from "./device-names.ts";
