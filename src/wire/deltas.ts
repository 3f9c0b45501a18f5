export { deliver } from "../core/deltas.ts";
