/** The codes of the ONNX files: models that cannot be written, bytes that cannot be read. */
import { errorTable } from "../../base/index.ts";

export const onnxErrors = errorTable("onnx", {
  model: { status: 500, exit: "failure", meaning: "An ONNX model is not legal: a name, a data type, a shape or the order of its nodes." },
  tooLarge: {
    status: 413,
    exit: "failure",
    meaning: "An ONNX model passes 2 GB, the limit of its file format; the largest constant is named.",
  },
  syntax: {
    status: 400,
    exit: "failure",
    meaning: "Bytes that should hold an ONNX model are damaged or use a part of the format Loam does not read.",
  },
});
