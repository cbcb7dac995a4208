/** The devices by name, apart from what opens them: a project file names one, and reading the file loads no engine. */
export const deviceNames = ["cpu", "webgpu", "reference"] as const;
export type DeviceName = (typeof deviceNames)[number];
