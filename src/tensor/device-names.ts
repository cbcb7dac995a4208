/** The devices by name, apart from what opens them: a project file names one, and reading the file loads no engine. */
export const fixedDeviceNames = ["cpu", "webgpu", "cuda", "reference"] as const;
/** A PJRT plugin: `pjrt:cpu`, `pjrt:tpu`, `pjrt:cuda`, or the path of its library. */
export const pjrtPrefix = "pjrt:";

export type FixedDeviceName = (typeof fixedDeviceNames)[number];
export type DeviceName = FixedDeviceName | `${typeof pjrtPrefix}${string}`;
/** What a device may be called, for help and errors. */
export const deviceNames = [...fixedDeviceNames, "pjrt:cpu", "pjrt:tpu", "pjrt:cuda", "pjrt:PATH"] as const;

/** What follows `pjrt:`; undefined for other names. */
export const pjrtName = (name: string): string | undefined =>
  name.startsWith(pjrtPrefix) && name.length > pjrtPrefix.length ? name.slice(pjrtPrefix.length) : undefined;
const isFixed = (name: string): name is FixedDeviceName => fixedDeviceNames.some(n => n === name);
/** Is it a device's name? Whether this machine has the device shows when it is opened. */
export const isDeviceName = (name: unknown): name is DeviceName =>
  typeof name === "string" && (isFixed(name) || pjrtName(name) !== undefined);
