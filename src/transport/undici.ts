import type { Client as UndiciClient } from "undici";
// @ts-expect-error: the file has no types of its own; the package's are put on below.
import client from "undici/lib/dispatcher/client.js";

/**
 * undici's Client, from its own file: importing the package by name replaces the dispatcher behind the built-in
 * `fetch` of the whole process, and that is not ours to touch.
 */
export const Client: typeof UndiciClient = client;
