/** The codes of this module. */
import { errorTable } from "../base/index.ts";
import { machineErrorRow } from "../machine/index.ts";

export const tensorErrors = errorTable("tensor", {
  shape: {
    status: 400,
    exit: "usage",
    meaning: "Shapes do not fit an operation; the sentence names the operation, the shapes and what would fit.",
  },
  dtype: { status: 400, exit: "usage", meaning: "Element types do not fit an operation." },
  attribute: { status: 400, exit: "usage", meaning: "An operation's attribute (axis, permutation, range) is out of range." },
  gradient: { status: 400, exit: "usage", meaning: "Something has no derivative: the value is not a scalar, or is not a float." },
  graph: { status: 400, exit: "failure", meaning: "A serialised graph is damaged or breaks the specification of legal graphs." },
  disposed: {
    status: 500,
    exit: "failure",
    meaning: "An array, program or device was used after it was disposed or given away (donated).",
  },
  argument: {
    status: 400,
    exit: "usage",
    meaning:
      "A function or compiled program was called with an argument that it does not take: of another type or structure, or one array that is donated and passed again.",
  },
  busy: { status: 500, exit: "failure", meaning: "An array was donated, written or used while a run in flight changes or reads it." },
  operation: {
    status: 400,
    exit: "failure",
    meaning: "An operation of one's own (`defineOperation`) breaks a law: the sentence names the law, the case and the error.",
  },
  memory: {
    status: 400,
    exit: "usage",
    meaning: "A memory budget cannot hold a program's activations, whatever is recomputed. The sentence names the least that can.",
  },
  perExample: {
    status: 400,
    exit: "usage",
    meaning: "Gradients of single examples do not exist: the program mixes rows of the batch. The message names the operation.",
  },
  mesh: {
    status: 400,
    exit: "usage",
    meaning:
      "A mesh of ranks does not fit: an unknown axis, a size that does not divide a dimension, or ranks that do not agree. Both numbers and a mesh that fits are named.",
  },
  index: { status: 400, exit: "usage", meaning: "An index (a token, a label, a row) lies outside the axis that it selects from." },
  control: {
    status: 400,
    exit: "usage",
    meaning: "A traced tensor was used as a JavaScript number, string or condition. It has no value until the compiled program runs.",
  },
  device: { status: 500, exit: "environment", meaning: "A device does not exist on this machine, or does not support the operation." },
  machine: machineErrorRow,
});
