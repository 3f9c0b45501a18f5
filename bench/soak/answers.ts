import { hash } from "node:crypto";

/** The key of answer `n`. */
export const keyOf = (n: number): string => `v1:0123456789abcdef:${hash("sha256", `${n}`)}`;

/** What answer `n` says: of every length, so that values lie in a page, in one of their own, and over several. */
export const textOf = (n: number): string => `answer ${n}, `.repeat(1 + ((n * 7_919) % 400));
