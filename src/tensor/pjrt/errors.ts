/** The codes of PJRT: what is wrong with a plugin or a call before native code is entered, and what the plugin itself reports. */
import { errorTable } from "../../base/index.ts";

export const pjrtErrors = errorTable("pjrt", {
  plugin: { status: 500, exit: "environment", meaning: "A PJRT plugin is not installed, cannot be loaded, or is no PJRT plugin." },
  version: { status: 500, exit: "environment", meaning: "A PJRT plugin has another version of the C API than Loam can call." },
  device: { status: 500, exit: "environment", meaning: "A PJRT plugin found no device on this machine, or refused its options." },
  option: { status: 400, exit: "usage", meaning: "An option of a PJRT client, or the name of a topology, is not allowed." },
  disposed: {
    status: 500,
    exit: "failure",
    meaning: "A PJRT buffer or executable was used after it was disposed or given away (donated).",
  },
  program: { status: 500, exit: "failure", meaning: "A PJRT plugin refused a program: its StableHLO, or arguments of other shapes." },
  notSupported: { status: 501, exit: "failure", meaning: "A PJRT plugin does not implement a function that Loam called." },
  outOfMemory: { status: 507, exit: "failure", meaning: "The memory of the device does not hold a program or its arrays." },
  native: { status: 500, exit: "failure", meaning: "A PJRT plugin reported another failure, quoted in the sentence." },
});
