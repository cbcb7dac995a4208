/** The codes of the engine: what was asked wrongly before native code is entered, and what native code itself reports. */
import { errorTable } from "../../base/index.ts";

export const engineErrors = errorTable("onnxruntime", {
  platform: { status: 500, exit: "environment", meaning: "ONNX Runtime has no library for this operating system and processor." },
  library: { status: 500, exit: "environment", meaning: "The ONNX Runtime library is not installed, cannot be loaded, or is too old." },
  provider: { status: 500, exit: "environment", meaning: "The device asked for is not there: no adapter, or not in this build." },
  option: { status: 400, exit: "usage", meaning: "An option of the engine, a session or a run has a value that is not allowed." },
  disposed: { status: 500, exit: "failure", meaning: "A buffer, session or run was used after it was disposed." },
  name: { status: 500, exit: "failure", meaning: "A program's inputs or outputs are missing, unknown, or given twice." },
  dtype: { status: 500, exit: "failure", meaning: "A buffer has another element type than the program's input or output." },
  shape: { status: 500, exit: "failure", meaning: "A buffer has another shape than the program's input or output, or than its memory." },
  busy: { status: 500, exit: "failure", meaning: "Two runs would use the same memory at the same time, one of them writing it." },
  model: { status: 500, exit: "failure", meaning: "ONNX Runtime refused a program: its graph, its types, or its bytes." },
  notSupported: { status: 501, exit: "failure", meaning: "ONNX Runtime has no kernel for an operator with these types on this device." },
  outOfMemory: {
    status: 507,
    exit: "failure",
    meaning: "The engine's memory limit, or the machine's memory, does not hold a run's values.",
  },
  native: { status: 500, exit: "failure", meaning: "ONNX Runtime reported another failure, quoted in the sentence." },
});
