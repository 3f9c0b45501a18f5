import { crc32 } from "node:zlib";
import type { Completion } from "../core/completion.ts";
import { freeze } from "./storable.ts";

/** An answer as it lies on disk, with the times that it is judged by, in milliseconds since 1970. */
export interface DiskRecord {
  readonly storedAt: number;
  /** When it was last read, as far as anybody noted it: what was not read for longest leaves first. */
  readonly usedAt: number;
  /** Infinity: for ever. */
  readonly ttl: number;
  /** The answer's JSON text. */
  readonly text: Uint8Array;
}

const form = 0x31_63_6c_74; // "tlc1"
const at = { form: 0, sum: 4, storedAt: 8, usedAt: 16, ttl: 24, text: 32 } as const;

/** The bytes of a record. The sum covers the key as well, so that no entry passes for another. */
export function encodeRecord(key: string, { storedAt, usedAt, ttl, text }: DiskRecord): Buffer {
  const bytes = Buffer.allocUnsafe(at.text + text.length);
  bytes.writeUInt32LE(form, at.form);
  bytes.writeDoubleLE(storedAt, at.storedAt);
  bytes.writeDoubleLE(usedAt, at.usedAt);
  bytes.writeDoubleLE(ttl, at.ttl);
  bytes.set(text, at.text);
  bytes.writeUInt32LE(sumOf(key, bytes, bytes.length), at.sum);
  return bytes;
}

/** The record in the first `length` bytes, whose text is a view of them; undefined for what is not one. */
export function decodeRecord(key: string, bytes: Buffer, length: number): DiskRecord | undefined {
  if (length < at.text || bytes.readUInt32LE(at.form) !== form) return undefined;
  if (bytes.readUInt32LE(at.sum) !== sumOf(key, bytes, length)) return undefined;
  return {
    storedAt: bytes.readDoubleLE(at.storedAt),
    usedAt: bytes.readDoubleLE(at.usedAt),
    ttl: bytes.readDoubleLE(at.ttl),
    text: bytes.subarray(at.text, length),
  };
}

function sumOf(key: string, bytes: Buffer, length: number): number {
  return crc32(bytes.subarray(at.storedAt, length), crc32(key));
}

export function encodeAnswer(answer: Completion): Buffer {
  return Buffer.from(JSON.stringify(answer));
}

/** The answer, frozen; undefined where the text is none. */
export function decodeAnswer(text: Uint8Array): Completion | undefined {
  try {
    return freeze(JSON.parse((text as Buffer).toString("utf8")));
  } catch {
    return undefined;
  }
}
