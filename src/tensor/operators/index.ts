/** Operators of ONNX Runtime made of machine code: what a session is given, and the memory that they share. */
export { type Operator, type OperatorCode, operatorDomain, operatorDomainOf } from "./operator.ts";
export { freeRooms } from "./room.ts";
