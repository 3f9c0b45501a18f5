import type * as Trunkline from "trunkline";
import type * as Testing from "trunkline/testing";

// What is measured is the built package: Node's stripping of types would be measured along with the sources.
const dist = new URL("../../dist/", import.meta.url);

export const trunkline = (): Promise<typeof Trunkline> => import(new URL("index.js", dist).href);

export const testing = (): Promise<typeof Testing> => import(new URL("testing/index.js", dist).href);
